// Players: a video's frames from one image, a layer over them, and J over time below.
"use strict";

const TITLES = {
  frame: "the frame alone",
  objects: "objects, in the colours of the truth's that they cover best",
  parts: "parts of objects",
  truth: "ground truth",
  tracks: "all tracks of attention",
  backbone: "attention of the backbone's class token",
  block: "concentration of the block's attention",
};

const image = async (uri) => {
  const picture = new Image();
  picture.src = uri;
  await picture.decode();
  return picture;
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
    this.pointer = null;
    this.scratch = document.createElement("canvas");
    this.curves = new Curves(section, this.data.count, (frame) => this.goNear(frame));
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
    for (const name of ["pointermove", "pointerleave"]) {
      this.canvas.addEventListener(name, (event) => {
        this.pointer = name === "pointermove" ? event : null;
        this.tell();
      });
    }
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
    this.curves.draw(this.found.curves);
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
    this.curves.move(this.data.frames[place]);
    const frames = await this.load(this.data.picture);
    const over = await this.overlay();
    // A later call has drawn already what is wanted now.
    if (place !== this.place || layer !== this.layer || run !== this.run) return;
    const { width, height, pen } = this;
    pen.globalAlpha = 1;
    const corner = this.corner(this.data.cell, this.data.margin);
    pen.drawImage(frames, ...corner, width, height, 0, 0, width, height);
    this.ids = null;
    const counts = over ? this.cover(over) : null;
    this.explain(counts);
    this.tell();
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

  // Returns what is known of each id; null of heat.
  cover({ sprite, size, onGrid }) {
    const [height, width] = size;
    this.scratch.width = width;
    this.scratch.height = height;
    const pen = this.scratch.getContext("2d", { willReadFrequently: true });
    pen.drawImage(sprite, ...this.corner(size), width, height, 0, 0, width, height);
    const pixels = pen.getImageData(0, 0, width, height);
    const { isHeat } = this;
    const values = new Uint8Array(width * height);
    for (let i = 0; i < values.length; i += 1) values[i] = pixels.data[4 * i];
    const counts = isHeat ? null : this.paintIds(pixels, values, width);
    if (isHeat) paintHeat(pixels, values, this.strength);
    pen.putImageData(pixels, 0, 0);
    this.pen.globalAlpha = 1;
    this.pen.imageSmoothingEnabled = isHeat;
    this.pen.drawImage(this.scratch, 0, 0, this.width, this.height);
    if (counts && !onGrid) writeNumbers(this.pen, this.width, counts, values, width);
    this.ids = isHeat ? null : { values, size };
    return counts;
  }

  get isHeat() {
    return this.layer === "backbone" || this.layer === "block";
  }

  // Found objects take the colours of the truth's objects that they were matched to.
  colour(id) {
    const matched = this.layer === "objects" ? this.found.colours[id] : undefined;
    return colourOf(matched === undefined ? id : matched);
  }

  paintIds(pixels, values, width) {
    return paintIds(pixels, values, width, {
      strength: this.strength,
      colour: (id) => this.colour(id),
      outlines: this.layer !== "tracks",
    });
  }

  get strength() {
    return this.find(".strength").valueAsNumber / 100;
  }

  explain(counts) {
    const legend = this.find(".legend");
    const title = this.data.truth ? TITLES[this.layer] : TITLES[this.layer].split(",")[0];
    legend.replaceChildren(title);
    if (this.isHeat) {
      const ramp = document.createElement("span");
      ramp.className = "heat";
      const stops = heat.filter((_, i) => i % 51 === 0).map(css);
      ramp.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
      legend.append(": weak ", ramp, " strong, one scale for the whole video");
    } else if (counts && this.layer !== "tracks") {
      for (const id of [...counts.keys()].sort((one, other) => one - other)) {
        const square = document.createElement("i");
        square.style.background = css(this.colour(id));
        legend.append(square, id === OTHER ? "void or none of them" : String(id));
      }
    }
  }

  // What lies under the pointer in the picture that is shown.
  tell() {
    const under = this.find(".under");
    under.value = "";
    if (!this.pointer || !this.ids) return;
    const edges = this.canvas.getBoundingClientRect();
    const [height, width] = this.ids.size;
    const x = Math.floor(((this.pointer.clientX - edges.left) / edges.width) * width);
    const y = Math.floor(((this.pointer.clientY - edges.top) / edges.height) * height);
    const id = this.ids.values[y * width + x];
    const kind = { tracks: "track", parts: "part" }[this.layer] || "object";
    const number = this.layer === "tracks" ? id - 1 : id;
    if (id > 0 && id !== OTHER) under.value = `${kind} ${number}`;
  }
}
