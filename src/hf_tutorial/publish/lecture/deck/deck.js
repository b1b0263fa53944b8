// An exercise's timer and solution, one page for each frame in print, and reveal.js begun.
(() => {
  const printing = /print-pdf/i.test(location.search);
  const withNotes = printing && /[?&]notes\b/i.test(location.search);
  const text = (seconds) =>
    `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

  // On paper nothing waits for a key: each frame is a page, and solutions stay away.
  const forPaper = () => {
    for (const section of document.querySelectorAll(".slides > section")) {
      section.querySelectorAll(".solution, .hint, .timer").forEach((one) => one.remove());
      section.querySelectorAll(".fragment").forEach((one) => one.classList.remove("fragment"));
      const [first, ...others] = section.querySelectorAll(".frame");
      if (!first) continue;
      others.reverse().forEach((frame) => {
        const page = section.cloneNode(true);
        page.querySelector(".stage").replaceChildren(frame);
        page.querySelectorAll(".notes").forEach((one) => one.remove());
        section.after(page);
      });
    }
  };

  // The solution comes frame by frame, and goes after the last. Keys that are pressed in the
  // speaker's view reach the small copy of the deck there, which tells the hall's window.
  const hall = () => {
    if (!/receiver/.test(location.search) || window.parent === window) return null;
    try {
      return window.parent.opener;
    } catch {
      return null;
    }
  };
  const tell = (told) => hall()?.postMessage(JSON.stringify({ deck: told }), "*");
  const solution = () => [...Reveal.getCurrentSlide().querySelectorAll(".solution")];
  const show = (place) => solution().forEach((frame, i) => (frame.hidden = i !== place));
  const answer = () => {
    const place = solution().findIndex((frame) => !frame.hidden) + 1;
    show(place);
    tell({ solution: place });
  };
  window.addEventListener("message", (message) => {
    let told;
    try {
      told = JSON.parse(message.data).deck;
    } catch {
      return; // somebody else's message
    }
    if (told?.solution !== undefined) show(told.solution);
    if (told?.timer) time();
  });

  const clocks = new Map();
  const stop = (timer) => {
    clearInterval(clocks.get(timer));
    clocks.delete(timer);
    timer.classList.remove("runs");
  };
  const start = (timer) => {
    const whole = Number(timer.dataset.seconds);
    const left = timer.classList.contains("over") ? whole : Number(timer.dataset.left ?? whole);
    const end = Date.now() + 1000 * left;
    timer.classList.remove("over");
    timer.classList.add("runs");
    const tick = () => {
      const seconds = Math.max(0, Math.round((end - Date.now()) / 1000));
      timer.dataset.left = seconds;
      timer.textContent = text(seconds);
      if (seconds === 0) {
        stop(timer);
        timer.classList.add("over");
      }
    };
    clocks.set(timer, setInterval(tick, 250));
    tick();
  };
  const time = (timer = Reveal.getCurrentSlide().querySelector(".timer")) => {
    if (timer) clocks.has(timer) ? stop(timer) : start(timer);
  };

  // Only the slide that is shown has its notes: Reveal's G would look for words in them, too.
  const apart = () => {
    const kept = new Map();
    for (const notes of document.querySelectorAll("aside.notes")) {
      kept.set(notes.parentElement, notes);
      notes.remove();
    }
    return (slide) => {
      document.querySelectorAll("aside.notes").forEach((one) => one.remove());
      if (kept.has(slide)) slide.append(kept.get(slide));
    };
  };

  if (printing) forPaper();
  document.querySelectorAll(".timer").forEach((timer) => {
    timer.addEventListener("click", () => time(timer));
  });
  Reveal.initialize({
    width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 4,
    center: false, hash: true, slideNumber: "c/t", transition: "none",
    backgroundTransition: "none", controls: false, defaultTiming: 60, pdfSeparateFragments: false,
    showNotes: withNotes ? "separate-page" : false,
    pdfMaxPagesPerSlide: 1, plugins: [RevealNotes],
  }).then(() => {
    Reveal.addKeyBinding({ keyCode: 65, key: "A", description: "Solution" }, answer);
    Reveal.addKeyBinding({ keyCode: 84, key: "T", description: "Timer" }, () => {
      time();
      tell({ timer: true });
    });
    const accompany = printing ? () => {} : apart();
    accompany(Reveal.getCurrentSlide());
    Reveal.on("slidechanged", ({ currentSlide }) => {
      accompany(currentSlide);
      document.querySelectorAll(".solution").forEach((frame) => (frame.hidden = true));
    });
    document.documentElement.dataset.ready = "yes";
  });
})();
