"""What shells run at TAB: as click's, but a word that ends in a colon or a slash can be gone on with.

Bash takes a colon for the end of a word: what comes before it is asked for too, and left out of the answers.
A name may have a comma in it, at which click's lines for fish end.
"""

from __future__ import annotations

import os

from click.shell_completion import (
    BashComplete,
    FishComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

_BASH = r"""
%(complete_func)s() {
    local line=${COMP_LINE:0:COMP_POINT} before type value
    before=${line##*[[:space:]=]}
    before=${before%%"${before##*:}"}
    [[ $COMP_WORDBREAKS == *:* ]] || before=
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                COMPREPLY+=("${value#"$before"}")
                [[ $value == *[:/] ]] && compopt -o nospace ;;
        esac
    done < <(COMP_WORDS=$line %(complete_var)s=bash_complete "$1")
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = r"""
#compdef %(prog_name)s
%(complete_func)s() {
    local -a plain open described response
    local type key help
    (( ! $+commands[%(prog_name)s] )) && return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \
        %(complete_var)s=zsh_complete %(prog_name)s)}")
    for type key help in ${response}; do
        case $type in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain)
                if [[ $help != _ ]]; then described+=("$key:$help")
                elif [[ $key == *[:/] ]]; then open+=("$key")
                else plain+=("$key"); fi ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#open )) && compadd -U -S '' -V unsorted -a open
    (( $#plain )) && compadd -U -V unsorted -a plain
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = r"""
function %(complete_func)s
    for answer in (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) \
        COMP_CWORD=(commandline -t) %(prog_name)s)
        set -l parts (string split -m 1 , $answer)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
            case plain
                echo $parts[2]
        end
    end
end
complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class _Bash(BashComplete):
    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is completed, and what there is of it; the line ends there."""
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)
        return (words[1:], "") if line[-1:].isspace() else (words[1:-1], words[-1])


class _Zsh(ZshComplete):
    source_template = _ZSH


class _Fish(FishComplete):
    source_template = _FISH


def add_shells() -> None:
    """Have click answer the shells so."""
    for shell in (_Bash, _Zsh, _Fish):
        add_completion_class(shell)
