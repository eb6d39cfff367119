// The live line board: replaces what the server sends, draws the chart, says when it is stale.
"use strict";

(() => {
  const top = document.querySelector("[data-stream]");
  const beatMs = Number(top.dataset.beatMs);
  const stale = document.getElementById("stale");
  const frozen = document.getElementById("frozen");
  const freeze = document.getElementById("freeze");
  const MISSED_BEATS = 3;
  const RECONNECT_MS = 5000;
  const held = new Map(); // what came for a part whose form somebody fills in, or while frozen
  let lastAt = top.dataset.now; // the site's wall clock of the newest picture
  let lastBeat = Date.now();
  let isFrozen = false;

  function busy(element) {
    return isFrozen || (element.contains(document.activeElement)
      && document.activeElement.matches("input, select, textarea"));
  }

  function typed(element) {
    return [...element.querySelectorAll("input:not([type=hidden]), textarea, select")]
      .some((field) => field.value !== "");
  }

  function place(id, html) {
    const old = document.getElementById(id);
    if (!old) { location.reload(); return; } // a line came or went: ask for the whole page
    if (busy(old) || typed(old)) { held.set(id, html); return; }
    held.delete(id);
    const box = document.createElement("template");
    box.innerHTML = html;
    const fresh = box.content.firstElementChild;
    for (const details of old.querySelectorAll("details[open][id]")) {
      const same = fresh.querySelector(`#${CSS.escape(details.id)}`);
      if (same) same.open = true;
    }
    const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    old.replaceWith(fresh);
    if (focused) fresh.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    if (id === "chart") draw();
  }

  function placeHeld() {
    for (const [id, html] of [...held]) place(id, html);
  }

  function listen() {
    const events = new EventSource(top.dataset.stream);
    for (const kind of ["tile", "alert", "part"]) {
      events.addEventListener(kind, (event) => {
        const part = JSON.parse(event.data);
        place(part.id, part.html);
      });
    }
    events.addEventListener("beat", (event) => {
      lastBeat = Date.now();
      if (!isFrozen) lastAt = JSON.parse(event.data).at;
      showAge();
    });
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) setTimeout(listen, RECONNECT_MS);
    });
  }

  function say(box, shown) {
    const text = box.querySelector("[data-text]");
    text.textContent = text.dataset.text.replace("{at}", lastAt);
    box.hidden = !shown;
  }

  function showAge() {
    const isStale = Date.now() - lastBeat > MISSED_BEATS * beatMs;
    document.body.classList.toggle("is-stale", isStale);
    if (isStale === stale.hidden) say(stale, isStale);
  }

  freeze.hidden = false;
  const words = [freeze.textContent, freeze.dataset.goOn];
  freeze.addEventListener("click", () => {
    isFrozen = !isFrozen;
    freeze.textContent = words[Number(isFrozen)];
    say(frozen, isFrozen);
    if (!isFrozen) placeHeld();
  });
  document.addEventListener("focusout", () => setTimeout(placeHeld, 0));
  document.addEventListener("reset", () => setTimeout(placeHeld, 0));

  // --- the p-chart -------------------------------------------------------------------------------
  let chart = null;
  let drawnWidth = 0;

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function squares(out) {
    return (plot) => {
      const size = 9 * devicePixelRatio;
      plot.ctx.fillStyle = colour("--bad");
      out.forEach((isOut, point) => {
        const column = 2 * point + 1;
        const rate = plot.data[1][column];
        if (!isOut || rate === null) return;
        const x = plot.valToPos(plot.data[0][column], "x", true);
        const y = plot.valToPos(rate, "y", true);
        plot.ctx.fillRect(x - size / 2, y - size / 2, size, size);
      });
    };
  }

  // Each point stands in the middle of its stretch, its limits over the whole of it: two columns a
  // point, and one that closes the last stretch.
  function columns(data) {
    const last = data.at.length - 1;
    const doubled = (values) => [...values.flatMap((value) => [value, value]), values[last]];
    return [
      [...data.at.flatMap((at, n) => [at, (at + data.until[n]) / 2]), data.until[last]],
      [...data.rate.flatMap((rate) => [null, rate]), null],
      doubled(data.upper), doubled(data.at.map(() => data.centre)), doubled(data.lower),
    ];
  }

  function options(data, box) {
    const stepped = uPlot.paths.stepped({ align: 1 });
    const percent = (plot, value) => (value === null || value === undefined ? "–" : `${value.toFixed(2)} %`);
    const limit = (label, dash) => ({
      label, stroke: colour("--warn"), width: 1.5, dash, paths: stepped, points: { show: false }, value: percent,
    });
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { show: false } };
    const ceiling = Math.max(10, ...data.rate.filter((rate) => rate !== null), ...data.upper) * 1.05;
    const every = Math.ceil(data.at.length / Math.max(2, box.clientWidth / 64));
    const legend = box.clientWidth >= 480;
    return {
      width: box.clientWidth,
      height: box.clientHeight - (legend ? 36 : 0),
      legend: { show: legend },
      cursor: { drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: [data.at[0], data.until[data.until.length - 1]] },
        y: { range: [0, Math.min(ceiling, 105)] },
      },
      axes: [
        { ...axis, values: (plot, splits) => splits.map((at) => data.clock[data.at.indexOf(at)] ?? ""),
          splits: () => data.at.filter((_, n) => n % every === 0) },
        { ...axis, size: 56, values: (plot, splits) => splits.map((value) => `${value} %`) },
      ],
      series: [
        { label: data.words.hour, value: (plot, value, series, at) => data.clock[pointOf(data, at)] ?? "–" },
        { label: data.words.rate, stroke: colour("--link"), width: 2, spanGaps: true, points: { show: true, size: 6, fill: colour("--link") }, value: percent },
        limit(data.words.upper, [4, 3]),
        limit(data.words.centre, []),
        limit(data.words.lower, [4, 3]),
      ],
      hooks: { draw: [squares(data.out)] },
    };
  }

  function pointOf(data, column) {
    return column === null || column === undefined ? -1 : Math.min(Math.floor(column / 2), data.at.length - 1);
  }

  function draw() {
    if (chart) { chart.destroy(); chart = null; }
    const box = document.querySelector("[data-chart]");
    if (!box || typeof uPlot === "undefined") return;
    const data = JSON.parse(box.dataset.chart);
    chart = new uPlot(options(data, box), columns(data), box);
    chart.over.addEventListener("click", () => {
      const point = pointOf(data, chart.cursor.idx);
      if (point >= 0) location.assign(data.links[point]);
    });
    drawnWidth = box.clientWidth;
  }

  addEventListener("resize", () => {
    const box = document.querySelector("[data-chart]");
    if (box && box.clientWidth !== drawnWidth) draw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  const numbers = document.getElementById("chart-numbers");
  if (numbers) numbers.open = false; // open for readers without script only
  draw();
  listen();
  setInterval(showAge, 1000);
})();
