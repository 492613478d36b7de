// Layers over a frame: ids or heat as grey values, one image each, which are coloured here.
"use strict";

const LABELLED = 0.002; // ids that cover less of the picture get no number on it

const paintHeat = (pixels, values, strength) => {
  const alpha = Math.round(255 * Math.min(1, 1.3 * strength));
  values.forEach((value, i) => {
    pixels.data.set(heat[value], 4 * i);
    pixels.data[4 * i + 3] = alpha;
  });
};

// Colours with white outlines; returns pixels and their sums of x and y by id.
const paintIds = (pixels, values, width, { strength, colour, outlines }) => {
  const alpha = Math.round(255 * strength);
  const counts = new Map();
  const colours = new Map();
  values.forEach((id, i) => {
    const x = i % width;
    const y = (i - x) / width;
    const edge =
      (x + 1 < width && values[i + 1] !== id) ||
      (i + width < values.length && values[i + width] !== id);
    if (id > 0) {
      if (!colours.has(id)) colours.set(id, colour(id));
      pixels.data.set(colours.get(id), 4 * i);
      const sums = counts.get(id) || [0, 0, 0];
      counts.set(id, [sums[0] + 1, sums[1] + x, sums[2] + y]);
    }
    pixels.data[4 * i + 3] = id > 0 ? alpha : 0;
    if (edge && outlines) {
      pixels.data.set([255, 255, 255, Math.max(alpha, 140)], 4 * i);
    }
  });
  return counts;
};

// The number of each object at its own pixel nearest to its middle: colours alone do not tell
// for everybody.
const writeNumbers = (pen, pictureWidth, counts, values, width) => {
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
  pen.font = `bold ${Math.max(10, Math.round(pictureWidth / 28))}px system-ui, sans-serif`;
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
};
