/** Interactive charts: Vega-Lite drawn by the Vega that comes with Panel, loaded when the first chart is in sight. */
import {h} from "./progress.js"
import {ROOT} from "./api.js"
import {isDark, onTheme} from "./theme.js"

/** Set from Python (`Chat.chart_scripts`): which files, relative to ROOT, in this order. */
let tell
const scripts = new Promise(done => { tell = done })
let loading = null
export function useScripts(paths) { tell(paths) }

function load(path) {
  return new Promise((resolve, reject) => {
    const script = h("script", {src: new URL(path, ROOT).href, onload: resolve, onerror: () => reject(new Error(`Could not load ${path}`))})
    document.head.append(script)
  })
}

async function vega() {
  if (window.vegaEmbed) return window.vegaEmbed
  loading ??= (async () => { for (const path of await scripts) await load(path) })().catch(error => { loading = null; throw error })
  await loading
  return window.vegaEmbed
}

const LIGHT = ["#3457d5", "#e07b39", "#1f9d8a", "#b5489d", "#8a6d1d", "#6c7a92", "#c94c4c", "#5ba3d9"]
const DARK = ["#8ba6ff", "#f0a36b", "#5fcdb9", "#e08fd0", "#d9bd62", "#a3afc4", "#f28b8b", "#93caf2"]

function config(dark, narrow) {
  const [text, soft, line] = dark ? ["#e8eaef", "#a0a7b4", "#ffffff1f"] : ["#1a1d23", "#5c6370", "#1a1d2317"]
  const font = '-apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
  const colours = dark ? DARK : LIGHT
  return {
    background: null, font, view: {stroke: null},
    range: {category: colours, ramp: {scheme: dark ? "darkblue" : "blues"}, heatmap: {scheme: dark ? "darkblue" : "blues"}},
    mark: {color: colours[0], tooltip: true}, bar: {cornerRadiusEnd: 3}, line: {strokeWidth: 2.25, strokeCap: "round"}, arc: {stroke: dark ? "#1c1f26" : "#fff", strokeWidth: 1.5},
    axis: {labelColor: soft, titleColor: soft, titleFontWeight: 500, labelFontSize: 12, titleFontSize: 12, titlePadding: 10, gridColor: line, domainColor: line, tickColor: line, labelPadding: 6},
    legend: {labelColor: text, titleColor: soft, titleFontWeight: 500, labelFontSize: 12, symbolType: "circle", orient: narrow ? "bottom" : "right", ...(narrow && {columns: 3})},
    title: {color: text, subtitleColor: soft, fontWeight: 500, fontSize: 15, anchor: "start", offset: 14}, header: {labelColor: text, titleColor: soft},
  }
}

// The data is in the specification: whatever wants to fetch something else is refused.
const closed = {load: () => Promise.reject(new Error("charts load nothing")), sanitize: () => Promise.reject(new Error("charts load nothing"))}
const single = spec => !["facet", "hconcat", "vconcat", "concat", "repeat"].some(key => key in spec) && !["row", "column", "facet"].some(key => key in (spec.encoding ?? {}))

/** A chart that fills its box, follows the theme and redraws when its width changes. */
export class Chart {
  constructor(given) {
    const {$schema, ...spec} = given        // which names a version, about which Vega would only warn
    this.spec = single(spec) ? {...spec, width: "container", height: spec.height ?? 340, autosize: {type: "fit", contains: "padding"}} : spec
    this.el = h("div.vega", {role: "img", "aria-label": `Chart: ${this.label()}`})
    this.unlisten = onTheme(() => this.draw())
    this.resizing = new ResizeObserver(() => this.fit())
    this.resizing.observe(this.el)
  }

  label() {
    const title = this.spec.title?.text ?? this.spec.title ?? this.spec.description
    return Array.isArray(title) ? title.join(" ") : title ?? "result"
  }

  async draw() {
    const embed = await vega()
    if (!this.el.isConnected && this.drawn) return this.unlisten()
    this.drawn?.finalize()
    this.drawn = await embed(this.el, this.spec, {mode: "vega-lite", actions: false, renderer: "canvas", config: config(isDark(), this.narrow()), loader: closed, tooltip: {theme: isDark() ? "dark" : "light"}})
    this.width = this.el.clientWidth
    this.drawnNarrow = this.narrow()
  }

  /** Too narrow for a legend beside the chart? */
  narrow() { return this.el.clientWidth < 480 }

  fit() {
    const width = this.el.clientWidth
    if (!this.drawn || !single(this.spec) || !width || width === this.width) return
    const changed = this.narrow() !== this.drawnNarrow
    this.width = width
    if (changed) return this.draw()
    this.drawn.view.width(width).runAsync()
  }

  /** An address of the picture, to be saved: format "png" or "svg". */
  picture(format) { return this.drawn.view.toImageURL(format, format === "png" ? 2 : 1) }
}
