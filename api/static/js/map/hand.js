// Gestures on the map: drag, pinch, wheel and keys move it; a loop around points catches them.

const CLICK_PX = 5;
const STEP_PX = 60;

/** Listen on `canvas` and steer `cloud`; `hooks`: hover(px, py), leave(), click(px, py), lasso(polygon), looping(), whole(). */
export function steer(canvas, cloud, hooks, signal) {
  const fingers = new Map();
  let begun = null;
  let loop = null;
  let spread = 0;
  const on = (type, react, options = {}) => canvas.addEventListener(type, react, { signal, ...options });
  const where = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  on("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, where(event));
    cloud.hold(true);
    if (fingers.size === 1) {
      begun = where(event);
      if (hooks.looping() || event.shiftKey) loop = [begun];
    } else {
      loop = null;
      begun = null;
      spread = apart();
    }
  });
  on("pointermove", (event) => {
    const [x, y] = where(event);
    const before = fingers.get(event.pointerId);
    if (!before) return hooks.hover(x, y);
    fingers.set(event.pointerId, [x, y]);
    if (fingers.size === 2) {
      const [[ax, ay], [bx, by]] = [...fingers.values()];
      const now = apart();
      cloud.panBy((x - before[0]) / 2, (y - before[1]) / 2);
      cloud.zoomBy(now / spread, (ax + bx) / 2, (ay + by) / 2);
      spread = now;
    } else if (loop) {
      loop.push([x, y]);
      hooks.lasso(loop, false);
    } else {
      cloud.panBy(x - before[0], y - before[1]);
    }
  });
  const end = (event) => {
    const at = fingers.get(event.pointerId);
    if (!fingers.delete(event.pointerId)) return;
    if (!fingers.size) cloud.hold(false);
    if (loop && loop.length > 2) hooks.lasso(loop, true);
    else if (begun && at && event.type === "pointerup" && Math.hypot(at[0] - begun[0], at[1] - begun[1]) < CLICK_PX) hooks.click(...at);
    loop = begun = null;
  };
  on("pointerup", end);
  on("pointercancel", end);
  on("pointerleave", () => fingers.size || hooks.leave());
  on("wheel", (event) => {
    event.preventDefault();
    cloud.zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), ...where(event));
  }, { passive: false });
  on("keydown", (event) => {
    const keys = {
      ArrowLeft: () => cloud.panBy(STEP_PX, 0), ArrowRight: () => cloud.panBy(-STEP_PX, 0),
      ArrowUp: () => cloud.panBy(0, STEP_PX), ArrowDown: () => cloud.panBy(0, -STEP_PX),
      "+": () => cloud.zoomBy(1.4), "=": () => cloud.zoomBy(1.4), "-": () => cloud.zoomBy(1 / 1.4), 0: () => cloud.fit(),
      Enter: () => (hooks.looping() ? hooks.whole() : hooks.click(cloud.width / 2, cloud.height / 2)),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  });

  function apart() {
    const [[ax, ay], [bx, by]] = [...fingers.values()];
    return Math.max(1, Math.hypot(ax - bx, ay - by));
  }
}
