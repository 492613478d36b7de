// Players: a video's frames from one image, a layer over them, and J over time below. Layers hold
// ids or heat as grey values, one image each, which are coloured here.
"use strict";

(() => {
  const style = JSON.parse(document.getElementById("style").textContent);
  const OTHER = 255;
  const LABELLED = 0.002; // ids that cover less of the picture get no number on it
  const PLOT = { width: 400, height: 176, left: 28, span: 360, top: 10, bottom: 146 };
  const DASHES = ["none", "6 2", "2 2", "8 2 2 2"];
  const TITLES = {
    frame: "the frame alone",
    objects: "objects, in the colours of the truth's that they cover best",
    parts: "parts of objects",
    truth: "ground truth",
    tracks: "all tracks of attention",
    backbone: "attention of the backbone's class token",
    block: "concentration of the block's attention",
  };

  const rgb = (hex) => [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  const palette = style.palette.map(rgb);
  const heat = style.heat.map(rgb);
  const colourOf = (id) => (id === OTHER ? rgb(style.grey) : palette[(id - 1) % palette.length]);
  const css = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;

  const image = async (uri) => {
    const picture = new Image();
    picture.src = uri;
    await picture.decode();
    return picture;
  };

  const svg = (name, attributes, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    return element;
  };

  class Player {
    constructor(section) {
      this.section = section;
      this.box = section.querySelector(".player");
      this.canvas = section.querySelector("canvas");
      this.pen = this.canvas.getContext("2d");
      this.data = JSON.parse(section.querySelector(".data").textContent);
      [this.height, this.width] = this.data.size;
      this.place = 0;
      this.run = 0;
      this.layer = "objects";
      this.images = new Map();
      this.timer = null;
      this.ids = null;
      this.scratch = document.createElement("canvas");
      this.connect();
      this.choose("objects");
    }

    find(selector) {
      return this.section.querySelector(selector);
    }

    get length() {
      return this.data.frames.length;
    }

    get found() {
      return this.data.runs[this.run];
    }

    connect() {
      this.find(".play").addEventListener("click", () => this.toggle());
      this.find(".scrub").addEventListener("input", (event) => this.go(event.target.valueAsNumber));
      this.find(".strength").addEventListener("input", () => this.draw());
      this.find(".run").addEventListener("change", (event) => {
        this.run = event.target.selectedIndex;
        this.choose(this.has(this.layer) ? this.layer : "objects");
      });
      for (const button of this.section.querySelectorAll("[data-layer]")) {
        button.addEventListener("click", () => this.choose(button.dataset.layer));
      }
      this.canvas.addEventListener("pointermove", (event) => this.tell(event));
      this.canvas.addEventListener("pointerleave", () => (this.find(".under").value = ""));
      const curves = this.find(".curves");
      const scrub = (event) => {
        if (event.type === "pointermove" && !event.buttons) return;
        const edges = curves.getBoundingClientRect();
        const x = (PLOT.width * (event.clientX - edges.left)) / edges.width;
        this.goNear(((x - PLOT.left) / PLOT.span) * Math.max(1, this.data.count - 1));
      };
      curves.addEventListener("pointerdown", scrub);
      curves.addEventListener("pointermove", scrub);
    }

    has(layer) {
      if (layer === "frame") return true;
      return Boolean(layer === "truth" ? this.data.truth : this.found[layer]);
    }

    choose(layer) {
      if (!this.has(layer)) return;
      this.layer = layer;
      for (const button of this.section.querySelectorAll("[data-layer]")) {
        const name = button.dataset.layer;
        button.disabled = !this.has(name);
        button.title = this.has(name) ? TITLES[name] : `There is no ${TITLES[name]} here`;
        button.setAttribute("aria-pressed", String(name === layer));
      }
      this.drawCurves();
      this.draw();
    }

    go(place) {
      this.place = Math.min(Math.max(place, 0), this.length - 1);
      this.draw();
    }

    goNear(frame) {
      const distances = this.data.frames.map((one) => Math.abs(one - frame));
      this.go(distances.indexOf(Math.min(...distances)));
    }

    toggle() {
      const button = this.find(".play");
      if (this.timer !== null) {
        clearInterval(this.timer);
        this.timer = null;
      } else {
        if (this.place === this.length - 1) this.go(0);
        this.timer = setInterval(
          () => this.go((this.place + 1) % this.length),
          1000 / this.data.fps,
        );
      }
      button.textContent = this.timer === null ? "▶" : "⏸";
      button.setAttribute("aria-label", this.timer === null ? "Play" : "Pause");
    }

    load(uri) {
      if (!this.images.has(uri)) this.images.set(uri, image(uri));
      return this.images.get(uri);
    }

    // Where a picture of the current place lies in a sprite.
    corner([height, width], margin = 0) {
      const row = Math.floor(this.place / this.data.columns);
      const column = this.place % this.data.columns;
      return [column * width + margin, row * height + margin];
    }

    async draw() {
      const { place, layer, run } = this;
      this.find(".scrub").value = place;
      this.find(".place").value = `frame ${this.data.frames[place]} / ${this.data.count - 1}`;
      this.moveCursor();
      const frames = await this.load(this.data.picture);
      const over = await this.overlay();
      // A later call has drawn already what is wanted now.
      if (place !== this.place || layer !== this.layer || run !== this.run) return;
      const { width, height, pen } = this;
      pen.globalAlpha = 1;
      const corner = this.corner(this.data.cell, this.data.margin);
      pen.drawImage(frames, ...corner, width, height, 0, 0, width, height);
      if (over) this.cover(over);
      this.section.dataset.drawn = `${layer} ${place} ${run}`;
    }

    async overlay() {
      if (this.layer === "frame") return null;
      const stored = this.layer === "truth" ? this.data.truth : this.found[this.layer];
      const onGrid = typeof stored !== "string";
      const sprite = await this.load(onGrid ? stored.picture : stored);
      const size = onGrid ? stored.size : this.data.size;
      return { sprite, size, onGrid };
    }

    cover({ sprite, size, onGrid }) {
      const [height, width] = size;
      this.scratch.width = width;
      this.scratch.height = height;
      const pen = this.scratch.getContext("2d", { willReadFrequently: true });
      pen.drawImage(sprite, ...this.corner(size), width, height, 0, 0, width, height);
      const pixels = pen.getImageData(0, 0, width, height);
      const isHeat = this.layer === "backbone" || this.layer === "block";
      const values = new Uint8Array(width * height);
      for (let i = 0; i < values.length; i += 1) values[i] = pixels.data[4 * i];
      const counts = isHeat ? this.paintHeat(pixels, values) : this.paintIds(pixels, values, width);
      pen.putImageData(pixels, 0, 0);
      this.pen.globalAlpha = 1;
      this.pen.imageSmoothingEnabled = isHeat;
      this.pen.drawImage(this.scratch, 0, 0, this.width, this.height);
      if (counts && !onGrid) this.number(counts, values, width);
      this.ids = isHeat ? null : { values, size };
      this.explain(isHeat, counts);
    }

    // Found objects take the colours of the truth's objects that they were matched to.
    colour(id) {
      const matched = this.layer === "objects" ? this.found.colours[id] : undefined;
      return colourOf(matched === undefined ? id : matched);
    }

    get strength() {
      return this.find(".strength").valueAsNumber / 100;
    }

    paintHeat(pixels, values) {
      const alpha = Math.round(255 * Math.min(1, 1.3 * this.strength));
      values.forEach((value, i) => {
        pixels.data.set(heat[value], 4 * i);
        pixels.data[4 * i + 3] = alpha;
      });
      return null;
    }

    // Colours with white outlines; returns pixels and their sums of x and y by id.
    paintIds(pixels, values, width) {
      const alpha = Math.round(255 * this.strength);
      const counts = new Map();
      const colours = new Map();
      values.forEach((id, i) => {
        const x = i % width;
        const y = (i - x) / width;
        const edge =
          (x + 1 < width && values[i + 1] !== id) ||
          (i + width < values.length && values[i + width] !== id);
        if (id > 0) {
          if (!colours.has(id)) colours.set(id, this.colour(id));
          pixels.data.set(colours.get(id), 4 * i);
          const sums = counts.get(id) || [0, 0, 0];
          counts.set(id, [sums[0] + 1, sums[1] + x, sums[2] + y]);
        }
        pixels.data[4 * i + 3] = id > 0 ? alpha : 0;
        if (edge && this.layer !== "tracks") {
          pixels.data.set([255, 255, 255, Math.max(alpha, 140)], 4 * i);
        }
      });
      return counts;
    }

    // The number of each object at its own pixel nearest to its middle: colours alone do not tell
    // for everybody.
    number(counts, values, width) {
      const nearest = new Map();
      values.forEach((id, i) => {
        if (!counts.has(id)) return;
        const [count, sumX, sumY] = counts.get(id);
        const x = i % width;
        const y = (i - x) / width;
        const distance = (x - sumX / count) ** 2 + (y - sumY / count) ** 2;
        const before = nearest.get(id);
        if (!before || distance < before[0]) nearest.set(id, [distance, x, y]);
      });
      const { pen } = this;
      pen.font = `bold ${Math.max(10, Math.round(this.width / 28))}px system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.lineWidth = 3;
      pen.strokeStyle = "rgb(0 0 0 / 75%)";
      pen.fillStyle = "#fff";
      for (const [id, [, x, y]] of nearest) {
        if (id === OTHER || counts.get(id)[0] < LABELLED * values.length) continue;
        pen.strokeText(id, x, y);
        pen.fillText(id, x, y);
      }
    }

    explain(isHeat, counts) {
      const legend = this.find(".legend");
      const title = this.data.truth ? TITLES[this.layer] : TITLES[this.layer].split(",")[0];
      legend.replaceChildren(title);
      if (isHeat) {
        const ramp = document.createElement("span");
        ramp.className = "heat";
        const stops = heat.filter((_, i) => i % 51 === 0).map(css);
        ramp.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
        legend.append(": weak ", ramp, " strong, one scale for the whole video");
      } else if (this.layer !== "tracks") {
        for (const id of [...counts.keys()].sort((one, other) => one - other)) {
          const square = document.createElement("i");
          square.style.background = css(this.colour(id));
          legend.append(square, id === OTHER ? "void or none of them" : String(id));
        }
      }
    }

    tell(event) {
      if (this.layer === "frame" || !this.ids) return;
      const edges = this.canvas.getBoundingClientRect();
      const [height, width] = this.ids.size;
      const x = Math.floor(((event.clientX - edges.left) / edges.width) * width);
      const y = Math.floor(((event.clientY - edges.top) / edges.height) * height);
      const id = this.ids.values[y * width + x];
      const kind = { tracks: "track", parts: "part" }[this.layer] || "object";
      const number = this.layer === "tracks" ? id - 1 : id;
      this.find(".under").value = id > 0 && id !== OTHER ? `${kind} ${number}` : "";
    }

    x(frame) {
      return PLOT.left + (PLOT.span * frame) / Math.max(1, this.data.count - 1);
    }

    drawCurves() {
      const box = this.find(".curves");
      box.replaceChildren();
      this.find(".key").replaceChildren();
      const { curves } = this.found;
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
      const last = Math.max(1, this.data.count - 1);
      for (const [frame, text, anchor] of [
        [0, "0", "middle"],
        [last / 2, "frame", "middle"],
        [last, String(last), "end"],
      ]) {
        const place = { x: this.x(frame), y: PLOT.bottom + 20, "text-anchor": anchor };
        plot.append(svg("text", place, text));
      }
      for (const curve of curves) {
        const points = curve.frames.map((frame, i) => [this.x(frame), yOf(curve.values[i])]);
        const lines = this.linesOf("polyline", curve, {
          points: points.map((point) => point.map((one) => one.toFixed(1)).join(",")).join(" "),
          fill: "none",
        });
        lines.at(-1).append(svg("title", {}, `J of ${curve.label}`));
        plot.append(...lines);
        for (const place of curve.drops) {
          const [cx, cy] = points[place];
          plot.append(svg("circle", { cx, cy, r: 3.5, class: "drop" }));
        }
      }
      plot.append(svg("line", { y1: PLOT.top - 4, y2: PLOT.bottom + 4, class: "now" }));
      box.append(plot);
      this.nameCurves(curves);
      this.moveCursor();
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
    nameCurves(curves) {
      const key = this.find(".key");
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

    moveCursor() {
      const line = this.find(".curves .now");
      if (!line) return;
      const x = this.x(this.data.frames[this.place]);
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
    }
  }

  const sections = [...document.querySelectorAll("section.video")];
  const players = new Map();
  let current = null;

  const playerOf = (section) => {
    if (!players.has(section)) players.set(section, new Player(section));
    return players.get(section);
  };

  const visible = (section) => {
    const edges = section.querySelector(".player").getBoundingClientRect();
    return edges.bottom > 0 && edges.top < window.innerHeight;
  };

  // Pictures are decoded when a player comes near: many videos at once would not fit memory.
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) if (entry.isIntersecting) playerOf(entry.target);
    },
    { rootMargin: "400px" },
  );
  for (const section of sections) {
    watcher.observe(section);
    section.addEventListener("focusin", () => (current = section));
    section.addEventListener("pointerdown", () => (current = section));
  }

  // On paper all have their curves; what has not been drawn yet shows its poster.
  window.addEventListener("beforeprint", () => sections.forEach(playerOf));

  const turn = (by) => {
    const next = sections[sections.indexOf(current) + by];
    if (!next) return;
    current = next;
    next.scrollIntoView();
    next.querySelector(".player").focus({ preventScroll: true });
  };

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !sections.length) return;
    if (target.matches("input:not([type=range]), select, textarea")) return;
    if (!current || !visible(current)) current = sections.find(visible) || null;
    if (!current) return;
    const player = playerOf(current);
    const layers = Object.keys(TITLES);
    const slides = target.matches("input[type=range]");
    const actions = {
      ArrowLeft: () => player.go(player.place - 1),
      ArrowRight: () => player.go(player.place + 1),
      Home: () => player.go(0),
      End: () => player.go(player.length - 1),
      " ": () => player.toggle(),
      n: () => turn(1),
      p: () => turn(-1),
    };
    // What a slider or a button does with a key is left to it.
    if (slides && key !== " " && key in actions && key.length > 1) return;
    if (key === " " && target.matches("button, summary, a")) return;
    if ((key === "Home" || key === "End") && !current.contains(target)) return;
    if (/^[1-7]$/.test(key)) player.choose(layers[Number(key) - 1]);
    else if (key in actions) actions[key]();
    else return;
    event.preventDefault();
  });
})();
