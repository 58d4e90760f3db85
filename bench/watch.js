// Put into the page before its own scripts: notes what the browser measures, for bench/browser.py to read.
globalThis.bench = { shifts: 0, tasks: [], events: [], lcp: 0, firstMessage: 0, mostNodes: 0, frames: [] };

{
  const { bench } = globalThis;
  const observe = (type, take, more = {}) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });

  observe("layout-shift", ({ value, hadRecentInput }) => {
    if (!hadRecentInput) bench.shifts += value;
  });
  observe("longtask", ({ startTime, duration }) => bench.tasks.push([startTime, duration]));
  observe("largest-contentful-paint", ({ startTime }) => { bench.lcp = startTime; });
  observe("event", ({ name, duration }) => {
    if (name === "keydown") bench.events.push(duration);
  }, { durationThreshold: 16 });

  // What a frame begins with is painted at its end; a task after that is the first that knows.
  const afterPaint = (tell) => setTimeout(() => tell(performance.now()));
  const messages = document.getElementsByClassName("message");

  // Once a frame, after the page's own scripts had their turn.
  const look = () => {
    bench.mostNodes = Math.max(bench.mostNodes, messages.length);
    if (messages.length && !bench.firstMessage) {
      bench.firstMessage = -1;
      afterPaint((now) => { bench.firstMessage = now; });
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);

  /** Milliseconds from pressing a row of the list until its conversation is painted. */
  bench.open = (row) =>
    new Promise((resolve) => {
      const begun = performance.now();
      const name = row.querySelector(".chat-name").textContent;
      const look = () => {
        const isThere = document.querySelector(".conversation-head h2")?.textContent === name && messages.length;
        requestAnimationFrame(() => (isThere ? setTimeout(() => resolve(performance.now() - begun)) : look()));
      };
      row.click();
      look();
    });

  /** Milliseconds between frames, from now on. */
  bench.watchFrames = () => {
    bench.frames = [];
    let last = performance.now();
    const frame = (now) => {
      bench.frames.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  };

  bench.forget = () => Object.assign(bench, { shifts: 0, tasks: [], events: [], mostNodes: messages.length });
}
