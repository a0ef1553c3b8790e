// node draw.cjs BUILDS FOLDER < figures.json: writes each figure of [{"name", "spec"}, ...] as FOLDER/NAME.svg, all or
// none, drawn by the same builds of Vega as the page's, which are in the folder BUILDS.
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const [builds, folder] = process.argv.slice(2);
// Run as scripts of a page, where each finds those before it.
for (const name of ["vega", "vega-lite"])
  vm.runInThisContext(fs.readFileSync(path.join(builds, `${name}.min.js`), "utf8"), { filename: name });
const { vega, vegaLite } = globalThis;
const { chartTheme } = require("./theme.js");

async function main() {
  const figures = JSON.parse(fs.readFileSync(0, "utf8"));
  const config = { ...chartTheme(false), background: "#ffffff" };
  const pictures = [];
  for (const { name, spec } of figures) {
    const compiled = vegaLite.compile(spec, { config });
    const view = new vega.View(vega.parse(compiled.spec), { renderer: "none" });
    const words = spec.description.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
    const svg = (await view.toSVG()).replace("<svg", `<svg role="img" aria-label="${words}"`);
    pictures.push([path.join(folder, `${name}.svg`), svg]);
  }
  const part = (file) => path.join(folder, `.headcount-${process.pid}-${path.basename(file)}.part`);
  for (const [file, svg] of pictures) fs.writeFileSync(part(file), svg + "\n", { flag: "wx" });
  for (const [file] of pictures) fs.renameSync(part(file), file);
}

main().catch((failure) => {
  console.error(String(failure));
  process.exit(1);
});
