// What the page's pictures are drawn with: colours of ids and of heat, and pieces of SVG.
"use strict";

const style = JSON.parse(document.getElementById("style").textContent);
const OTHER = 255;

const rgb = (hex) => [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
const palette = style.palette.map(rgb);
const heat = style.heat.map(rgb);
const colourOf = (id) => (id === OTHER ? rgb(style.grey) : palette[(id - 1) % palette.length]);
const css = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;

const svg = (name, attributes, text = "") => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
};
