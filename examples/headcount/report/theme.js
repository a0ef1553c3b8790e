// How charts look, on light and on dark: a Vega-Lite config. The page and the drawing of SVG files share it.
function chartTheme(dark) {
  const ink = dark ? "#e6eaf0" : "#1c2430";
  const faint = dark ? "#9aa6b5" : "#5b6675";
  const line = dark ? "#303946" : "#dfe3e8";
  // Okabe & Ito's colours, which colour-blind readers tell apart; black and yellow are adapted to the background.
  const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", dark ? "#f0e442" : "#a88f00", "#56b4e9", "#e69f00",
                   dark ? "#ffffff" : "#000000"];
  if (dark) colours[0] = "#4d9fe0";
  return {
    background: null,
    font: "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif",
    title: { color: ink, subtitleColor: faint, fontSize: 13 },
    header: { labelColor: ink, labelFontSize: 12, labelFontWeight: 600, labelLimit: 420, titleColor: ink },
    axis: { labelColor: faint, titleColor: faint, titleFontWeight: "normal", gridColor: line, domainColor: line,
            tickColor: line, labelFontSize: 11, titleFontSize: 11, labelLimit: 320 },
    legend: { labelColor: ink, titleColor: faint, titleFontWeight: "normal", labelFontSize: 11, titleFontSize: 11,
              labelLimit: 420, symbolOpacity: 1 },
    view: { stroke: line },
    range: { category: colours },
    point: { color: colours[0] },
    line: { color: faint },
    rule: { color: dark ? "#9aa6b5" : "#5b6675" },
  };
}
if (typeof module !== "undefined") module.exports = { chartTheme };
