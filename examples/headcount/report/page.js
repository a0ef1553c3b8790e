// Draws every figure, and again when the reader changes between light and dark.
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map();
  async function draw() {
    for (const { name, spec } of figures) {
      drawn.get(name)?.finalize();
      const place = document.querySelector(`[data-figure="${name}"]`);
      drawn.set(name, await vegaEmbed(place, spec, {
        renderer: "svg",
        config: chartTheme(dark.matches),
        actions: { export: true, source: true, compiled: false, editor: false },
        downloadFileName: name,
        tooltip: { theme: dark.matches ? "dark" : "light" },
      }));
    }
    return figures.length;
  }
  let last = draw();
  dark.addEventListener("change", () => { last = last.then(draw); });
  // For whoever looks closer, as the tests do: `await headcountReport.ready()`, then the Vega view of each figure.
  window.headcountReport = { ready: () => last, view: (name) => drawn.get(name)?.view };
})();
