// Closes what a worker opened at a shared terminal: without a touch for long enough the session ends.
"use strict";
(() => {
  const form = document.getElementById("idle-close");
  if (form === null) return;
  const limit = Number(form.dataset.seconds) * 1000;
  const warning = Math.min(60000, limit / 2);
  let last = Date.now();
  let closing = false;
  const touched = () => {
    last = Date.now();
  };
  const look = () => {
    if (closing) return;
    const idle = Date.now() - last;
    if (idle >= limit) {
      closing = true;
      document.querySelector("main").hidden = true;
      form.submit();
    } else {
      form.hidden = idle < limit - warning;
    }
  };
  for (const kind of ["pointerdown", "pointermove", "keydown", "scroll", "wheel", "touchstart"]) {
    addEventListener(kind, touched, { passive: true, capture: true });
  }
  addEventListener("pageshow", look);
  setInterval(look, 1000);
})();
