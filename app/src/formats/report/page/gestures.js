// Wheel, pinch, drag and click on the picture and on the overview. Keys are in page.js.

/** Further than this a press is a drag and no click, pixels. */
const CLICK_PIXELS = 4;

/** Lets `target` be dragged, pinched and wheeled; `onSeek` hears where it was clicked. */
function listenToTimeline(target, axis, onView, onSeek) {
  const pointers = new Map();
  let travelled = 0;
  const at = (event) => event.clientX - target.getBoundingClientRect().left;

  target.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    target.setPointerCapture(event.pointerId);
    if (pointers.size === 0) travelled = 0;
    pointers.set(event.pointerId, at(event));
  });
  target.addEventListener('pointermove', (event) => {
    if (!pointers.has(event.pointerId)) return;
    const [before, now] = [pointers.get(event.pointerId), at(event)];
    travelled += Math.abs(now - before);
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, x]) => x);
    pointers.set(event.pointerId, now);
    if (others.length > 0) {
      const [apart, wasApart] = [Math.abs(now - others[0]), Math.abs(before - others[0])];
      if (apart > 8 && wasApart > 8) axis.zoom(wasApart / apart, (now + others[0]) / 2);
    } else if (travelled > CLICK_PIXELS) {
      axis.pan(before - now);
    }
    onView();
  });
  const release = (event) => {
    const isClick = pointers.delete(event.pointerId) && event.type === 'pointerup' && travelled <= CLICK_PIXELS;
    if (isClick && pointers.size === 0) onSeek(axis.sec(at(event)));
  };
  target.addEventListener('pointerup', release);
  target.addEventListener('pointercancel', release);
  target.addEventListener('wheel', (event) => {
    const isZoom = event.ctrlKey || event.metaKey || event.altKey || document.activeElement === target;
    const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.deltaY) || event.shiftKey) axis.pan(sideways);
    else if (isZoom) axis.zoom(Math.exp(event.deltaY * (event.ctrlKey ? 0.008 : 0.003)), at(event));
    else return;
    event.preventDefault();
    onView();
  }, { passive: false });
}

/** Lets the window in the overview be dragged; a click centres it. */
function listenToOverview(target, axis, onView) {
  const centre = (event) => {
    const box = target.getBoundingClientRect();
    axis.show(((event.clientX - box.left) / box.width) * axis.durationSec - axis.spanSec / 2, axis.spanSec);
    onView();
  };
  target.addEventListener('pointerdown', (event) => {
    target.setPointerCapture(event.pointerId);
    centre(event);
  });
  target.addEventListener('pointermove', (event) => {
    if (target.hasPointerCapture(event.pointerId)) centre(event);
  });
}

