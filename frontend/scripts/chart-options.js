// From the figure's numbers to an ECharts option. Shapes of `data` are written down in kit/charts.py.
import { color } from "echarts/core";

const FEW = 8; // bars that leave room for names and numbers
const LETTER = 7; // px that a letter of a number takes at most, on average

/** Numbers as the reader writes them: currency when the chart has one, percent, or plain. */
function formatter(data, locale) {
  const style = data.currency
    ? { style: "currency", currency: data.currency, maximumFractionDigits: 0 }
    : data.unit === "percent"
      ? { style: "percent", maximumFractionDigits: 2 }
      : { maximumFractionDigits: 1 };
  const full = new Intl.NumberFormat(locale, style);
  const short = new Intl.NumberFormat(locale, { ...style, notation: "compact", maximumFractionDigits: data.unit === "percent" ? 2 : 1 });
  return { full: (value) => (value == null ? "–" : full.format(value)), short: (value) => short.format(value) };
}

/** What all kinds share: type, colours, a tooltip that needs no inline style, a description for screen readers. */
function common(data, colours, format) {
  return {
    color: colours.series,
    textStyle: { fontFamily: colours.font, fontSize: 12, color: colours.text },
    animationDuration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 300,
    aria: { enabled: true, label: { description: data.summary } },
    tooltip: {
      renderMode: "richText",
      confine: true,
      backgroundColor: colours.ground,
      borderColor: colours.line,
      textStyle: { color: colours.text, fontSize: 12 },
      valueFormatter: format.full,
    },
  };
}

function legend(data, colours) {
  if (data.series.length < 2) return undefined;
  return { top: 0, left: 0, itemWidth: 10, itemHeight: 10, icon: "roundRect", textStyle: { color: colours.muted } };
}

/** How wide the words of one standing bar may be, in px. */
function room(data, { narrow, width }) {
  return Math.floor((width - (narrow ? 56 : 72)) / data.labels.length) - 4;
}

/** How the names of categories are written: each under its bar, in lines, where bars are few; else those that fit. */
function names(data, { flat, narrow, width }) {
  if (flat) return { hideOverlap: true, width: narrow ? 96 : 160, overflow: "truncate" };
  if (data.kind !== "bars" || data.labels.length > FEW) return { hideOverlap: true };
  return { interval: 0, width: room(data, { narrow, width }), overflow: "break", lineHeight: 14, fontSize: narrow ? 11 : 12 };
}

/** Lines, areas and bars over categories. */
function axes(data, colours, { format, narrow, width }) {
  const flat = data.kind === "bars-flat";
  const category = {
    type: "category",
    data: data.labels,
    boundaryGap: data.kind !== "line" && data.kind !== "area",
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { show: false },
    axisLabel: { color: colours.muted, ...names(data, { flat, narrow, width }) },
    inverse: flat,
  };
  const value = {
    type: "value",
    // No share is more than a whole, even where the axis goes a little further.
    axisLabel: {
      color: colours.muted,
      formatter: (at) => (data.unit === "percent" && at > 1 ? "" : format.short(at)),
      hideOverlap: true,
    },
    splitLine: { lineStyle: { color: colours.line } },
    splitNumber: flat && narrow ? 2 : 4,
    // Shares such as uptime live near the top: a scale from zero would flatten what matters.
    scale: data.unit === "percent",
  };
  const many = data.series.length > 1;
  return {
    grid: { left: 4, right: 12, top: many ? 32 : 12, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    legend: legend(data, colours),
    tooltip: { trigger: "axis", axisPointer: { type: flat ? "shadow" : "line", lineStyle: { color: colours.muted } } },
    xAxis: flat ? value : category,
    yAxis: flat ? category : value,
    series: data.series.map((series) => ({ ...shape(data, series), ...said(data, colours, { format, narrow, width }) })),
  };
}

function shape(data, series) {
  const line = data.kind === "line" || data.kind === "area";
  return {
    name: series.name,
    data: series.values,
    type: line ? "line" : "bar",
    stack: data.stacked ? "all" : undefined,
    // Beside a gap a single day would be no line at all.
    showSymbol: series.values.includes(null),
    symbol: "circle",
    symbolSize: 5,
    lineStyle: { width: 2 },
    areaStyle: data.kind === "area" ? { opacity: 0.12 } : undefined,
    barMaxWidth: 28,
    itemStyle: line || data.stacked ? undefined : { borderRadius: data.kind === "bars-flat" ? [0, 3, 3, 0] : [3, 3, 0, 0] },
  };
}

/** The numbers at the bars, where they find room: all of them or none. */
function said(data, colours, { format, narrow, width }) {
  const bars = data.kind === "bars" || data.kind === "bars-flat";
  if (!bars || data.series.length > 1 || data.labels.length > FEW) return {};
  const widest = LETTER * Math.max(...data.series[0].values.map((value) => format.short(value ?? 0).length));
  if (data.kind === "bars" && widest > room(data, { narrow, width })) return {};
  const position = data.kind === "bars" ? "top" : "right";
  return { label: { show: true, position, color: colours.text, formatter: (point) => format.short(point.value) } };
}

function points(data) {
  return data.labels.map((name, at) => ({ name, value: data.series[0].values[at] }));
}

/** A ring: shares of a whole, the legend carries the words. */
function ring(data, colours, { format, narrow }) {
  const value = new Map(points(data).map((point) => [point.name, point.value]));
  return {
    legend: {
      formatter: (name) => `${name}  ${format.full(value.get(name))}`,
      orient: narrow ? "horizontal" : "vertical",
      left: narrow ? "center" : "60%",
      bottom: narrow ? 0 : undefined,
      top: narrow ? undefined : "middle",
      itemWidth: 10,
      itemHeight: 10,
      textStyle: { color: colours.text },
    },
    series: [
      {
        type: "pie",
        radius: narrow ? ["42%", "64%"] : ["56%", "84%"],
        center: narrow ? ["50%", "42%"] : ["32%", "50%"],
        data: points(data),
        label: { show: false },
        itemStyle: { borderColor: colours.ground, borderWidth: 2 },
      },
    ],
  };
}

/** A funnel of one hue that fades with each step; the names stand outside, where a narrow screen cannot clip them. */
function funnel(data, colours, { format, narrow }) {
  return {
    series: [
      {
        type: "funnel",
        left: 0,
        right: narrow ? "56%" : "45%",
        top: 4,
        bottom: 4,
        sort: "none",
        gap: 3,
        minSize: "12%",
        data: points(data).map((point, at, all) => ({
          ...point,
          itemStyle: { color: color.modifyAlpha(colours.series[0], 1 - (0.6 * at) / Math.max(all.length - 1, 1)) },
        })),
        label: {
          position: "right",
          color: colours.text,
          formatter: (point) => `${point.name}  ${format.full(point.value)}`,
        },
        labelLine: { length: 8, lineStyle: { color: colours.muted } },
        itemStyle: { borderWidth: 0 },
      },
    ],
  };
}

const kinds = { line: axes, area: axes, bars: axes, "bars-flat": axes, ring, funnel };

/** The ECharts option for `data` in `colours`, `width` pixels wide; `locale` for numbers. */
export function options(data, colours, { width, locale }) {
  const format = formatter(data, locale);
  const narrow = width < 420;
  const base = common(data, colours, format);
  const own = kinds[data.kind](data, colours, { format, narrow, width });
  return { ...base, ...own, tooltip: { ...base.tooltip, ...own.tooltip } };
}
