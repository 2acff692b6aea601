// Loaded only on pages with charts. Each figure carries its own numbers in a JSON element; colours follow the theme.
import { BarChart, FunnelChart, LineChart, PieChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { options } from "./chart-options.js";

echarts.use([
  BarChart, FunnelChart, LineChart, PieChart,
  AriaComponent, GridComponent, LegendComponent, TooltipComponent, SVGRenderer,
]);

const drawn = new Map();

/** The colours in force, read from the theme's variables. */
function palette() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    series: [1, 2, 3, 4, 5, 6].map((at) => read(`--chart-${at}`)),
    text: read("--color-base-content"),
    muted: read("--muted"),
    line: read("--line"),
    ground: read("--raised"),
    font: getComputedStyle(document.body).fontFamily,
  };
}

/** Draw, or draw again, the chart of one figure. */
function draw(figure) {
  const canvas = figure.querySelector(".chart-canvas");
  const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  const chart = drawn.get(figure) ?? echarts.init(canvas, null, { renderer: "svg" });
  drawn.set(figure, chart);
  const locale = document.documentElement.lang;
  chart.setOption(options(data, palette(), { width: canvas.clientWidth, locale }), true);
  chart.resize();
}

/** Draw every figure below `root` that is new, and let go of those that left the page. */
function scan(root) {
  for (const [figure, chart] of drawn) {
    if (figure.isConnected) continue;
    chart.dispose();
    drawn.delete(figure);
  }
  for (const figure of root.querySelectorAll("figure[data-chart]")) {
    if (drawn.has(figure)) continue;
    draw(figure);
    new ResizeObserver(() => draw(figure)).observe(figure);
  }
}

function redraw() {
  for (const figure of drawn.keys()) draw(figure);
}

scan(document);
document.addEventListener("htmx:afterSettle", () => scan(document));
document.addEventListener("guildhall:theme", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
