// J over time, below a player: a line for each of the truth's objects, and a cursor at its frame.
"use strict";

const PLOT = { width: 400, height: 176, left: 28, span: 360, top: 10, bottom: 146 };
const DASHES = ["none", "6 2", "2 2", "8 2 2 2"];

class Curves {
  // Of a section's video of so many frames; `go` is called with the frame that was clicked on.
  constructor(section, count, go) {
    this.box = section.querySelector(".curves");
    this.key = section.querySelector(".key");
    this.count = count;
    this.last = Math.max(1, count - 1);
    this.frame = 0;
    const scrub = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      const edges = this.box.getBoundingClientRect();
      const x = (PLOT.width * (event.clientX - edges.left)) / edges.width;
      go(((x - PLOT.left) / PLOT.span) * this.last);
    };
    this.box.addEventListener("pointerdown", scrub);
    this.box.addEventListener("pointermove", scrub);
  }

  x(frame) {
    return PLOT.left + (PLOT.span * frame) / this.last;
  }

  draw(curves) {
    this.box.replaceChildren();
    this.key.replaceChildren();
    if (!curves.length) return;
    const yOf = (value) => PLOT.bottom - (PLOT.bottom - PLOT.top) * value;
    const plot = svg("svg", { viewBox: `0 0 ${PLOT.width} ${PLOT.height}` });
    for (const share of [0, 0.5, 1]) {
      const y = yOf(share);
      plot.append(
        svg("line", { x1: PLOT.left, x2: PLOT.left + PLOT.span, y1: y, y2: y, class: "axis" }),
        svg("text", { x: PLOT.left - 4, y: y + 4, "text-anchor": "end" }, String(share)),
      );
    }
    const { last } = this;
    const ticks = [
      [0, "0", "middle"],
      [last / 2, "frame", "middle"],
    ];
    if (this.count > 1) ticks.push([last, String(last), "end"]);
    for (const [frame, text, anchor] of ticks) {
      const place = { x: this.x(frame), y: PLOT.bottom + 20, "text-anchor": anchor };
      plot.append(svg("text", place, text));
    }
    for (const curve of curves) {
      const points = curve.frames.map((frame, i) => [this.x(frame), yOf(curve.values[i])]);
      const [[cx, cy]] = points;
      const line = points.map((point) => point.map((one) => one.toFixed(1)).join(",")).join(" ");
      const lines =
        points.length > 1
          ? this.linesOf("polyline", curve, { points: line, fill: "none" })
          : this.linesOf("circle", curve, { cx, cy, r: 2.5, fill: "none" }); // a line has no length
      lines.at(-1).append(svg("title", {}, `J of ${curve.label}`));
      plot.append(...lines);
      for (const place of curve.drops) {
        const [cx, cy] = points[place];
        plot.append(svg("circle", { cx, cy, r: 3.5, class: "drop" }));
      }
    }
    plot.append(svg("line", { y1: PLOT.top - 4, y2: PLOT.bottom + 4, class: "now" }));
    this.box.append(plot);
    this.nameAll(curves);
    this.move(this.frame);
  }

  // A curve as it is drawn: an object's has a dark or bright edge, since colours of objects are
  // as bright as one page and as dark as the other.
  linesOf(shape, { object }, place) {
    if (!object) return [svg(shape, { ...place, stroke: "currentColor", "stroke-width": 2.5 })];
    const dashes = { "stroke-dasharray": DASHES[(object - 1) % DASHES.length] };
    const ink = { stroke: css(colourOf(object)), "stroke-width": 1.8 };
    return [
      svg(shape, { ...place, ...dashes, class: "edge" }),
      svg(shape, { ...place, ...dashes, ...ink }),
    ];
  }

  // Below the curves: a piece of each line with what it is of.
  nameAll(curves) {
    const { key } = this;
    key.replaceChildren("J over time of the truth's");
    const entry = (text, ...marks) => {
      const one = document.createElement("span");
      const sample = svg("svg", { viewBox: "0 0 33 12", "aria-hidden": "true" });
      sample.append(...marks);
      one.append(sample, text);
      key.append(one, " ");
    };
    for (const curve of curves) {
      entry(curve.label, ...this.linesOf("line", curve, { x1: 0, x2: 33, y1: 6, y2: 6 }));
    }
    if (curves.some((curve) => curve.drops.length)) {
      const mark = svg("circle", { cx: 16, cy: 6, r: 3.5, class: "drop" });
      entry("over 0.15 below its median", mark);
    }
  }

  // The cursor, to a frame.
  move(frame) {
    this.frame = frame;
    const line = this.box.querySelector(".now");
    if (!line) return;
    line.setAttribute("x1", this.x(frame));
    line.setAttribute("x2", this.x(frame));
  }
}
