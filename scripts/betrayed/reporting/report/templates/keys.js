// Which player is the current one, when pictures are decoded, and what keys do.
"use strict";

(() => {
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
