"""What every part of lcsearch rests on: errors, files, words, specs, records and the front."""
