"use strict";
// A page of a run that goes on loads itself again, but never under the reader's hand.
if (data.live) {
  let moved = 0;
  for (const kind of ["pointermove", "keydown", "scroll"]) {
    addEventListener(kind, () => { moved = Date.now(); }, { passive: true });
  }
  setInterval(() => {
    if (Date.now() - moved > 2000) location.reload();
  }, 1000 * data.live);
}
