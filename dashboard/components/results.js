/** What a run has come to: charts, files, findings, errors; each drawn as a card. All text by textContent. */
import {h} from "./progress.js"
import {ROOT} from "./api.js"
import {Chart} from "./chart.js"
import {icon} from "./icons.js"

const number = new Intl.NumberFormat(undefined, {maximumFractionDigits: 2})
const exact = new Intl.NumberFormat(undefined, {maximumSignificantDigits: 8})
const UNITS = ["B", "kB", "MB", "GB"]

export function size(bytes) {
  let unit = 0
  let value = bytes
  while (value >= 1000 && unit < UNITS.length - 1) { value /= 1000; unit += 1 }
  return `${number.format(value < 10 ? Math.round(value * 10) / 10 : Math.round(value))} ${UNITS[unit]}`
}

const address = artifact => new URL(`api/artifacts/${encodeURIComponent(artifact.artifact_id)}`, ROOT).href
const button = (label, name, onclick, kind = "button.quiet") => h(kind, {type: "button", onclick}, icon(name, 16), h("span", {}, label))

async function content(artifact) {
  const answer = await fetch(address(artifact))
  if (!answer.ok) throw new Error(answer.status === 404 ? "This result is no longer there." : `The server answered ${answer.status}.`)
  return answer.json()
}

/** Show `draw()`'s outcome in `body`; when it fails, say so and offer to try again. */
async function attempt(body, draw) {
  try {
    await draw()
  } catch (error) {
    const again = button("Try again", "retry", () => { body.replaceChildren(); attempt(body, draw) })
    body.replaceChildren(h("p.missing", {}, error.message), again)
  }
}

function whenInSight(element, act) {
  const seen = new IntersectionObserver(entries => {
    if (entries.some(entry => entry.isIntersecting)) { seen.disconnect(); act() }
  }, {rootMargin: "600px"})
  seen.observe(element)
}

function save(href, name) {
  const link = h("a", {href, download: name})
  link.click()
}

function chartCard(artifact) {
  let chart = null
  const stem = artifact.name.replace(/(\.vl)?\.json$/, "")
  const picture = format => chart && chart.picture(format).then(href => save(href, `${stem}.${format}`))
  const tools = h("div.card-tools", {hidden: true}, button("PNG", "image", () => picture("png")), button("SVG", "image", () => picture("svg")))
  const body = h("div.chart-body")
  whenInSight(body, () => attempt(body, async () => {
    chart = new Chart(await content(artifact))
    body.replaceChildren(chart.el)
    await chart.draw()
    body.classList.add("drawn")
    tools.hidden = false
  }))
  return h("figure.card.chart-card", {}, body, tools)
}

function fileCard(artifact) {
  const kind = artifact.name.split(".").at(-1).toUpperCase()
  const rows = artifact.rows === undefined ? null : `${number.format(artifact.rows)} ${artifact.rows === 1 ? "row" : "rows"}`
  const facts = [kind, rows, size(artifact.bytes)].filter(Boolean).join(" · ")
  return h("div.card.file-card", {}, h("span.file-icon", {}, icon("file", 22)),
    h("div.file-facts", {}, h("strong", {}, artifact.name), h("span", {}, facts)),
    h("a.primary", {href: address(artifact), download: artifact.name}, icon("download", 18), h("span", {}, "Download")))
}

function finding({text, values = {}, sql}) {
  const facts = Object.entries(values).filter(([, value]) => typeof value === "number" || typeof value === "string")
  const numbers = facts.map(([name, value]) => h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, typeof value === "number" ? exact.format(value) : value)))
  const proof = facts.length || sql ? h("details.proof", {}, h("summary", {}, "The numbers"), h("dl", {}, ...numbers), sql ? h("pre", {tabIndex: 0}, sql) : null) : null
  return h("li", {}, h("p", {}, text), proof)
}

function textCard(artifact, {understood}) {
  const body = h("div.card.text-card", {}, h("div.skeleton", {"aria-hidden": "true"}))
  whenInSight(body, () => attempt(body, async () => {
    const {title, findings = [], note} = await content(artifact)
    body.replaceChildren(...[title && title !== understood && h("h3", {}, title), h("ol.findings", {}, ...findings.map(finding)), note && h("p.note", {}, note)].filter(Boolean))
  }))
  return body
}

const CARDS = {chart: chartCard, file: fileCard, text: textCard}

function restated({understood, ignored, notes = []}) {
  const lines = []
  if (understood) lines.push(h("p.understood", {}, understood))
  if (ignored?.length) {
    const words = Array.isArray(ignored) ? ignored : [ignored]
    lines.push(h("p.ignored", {}, icon("alert", 16), h("span", {}, `Not understood and left out: ${words.map(word => `“${word}”`).join(", ")}`)))
  }
  for (const note of notes) lines.push(h("p.note", {}, note))
  return lines
}

const asked = sql => (sql ? [h("details.proof", {}, h("summary", {}, "How the database was asked"), h("pre", {tabIndex: 0}, sql))] : [])

function troubleCard(entry, {ask, retry}) {
  const {message, hint, examples = []} = entry.data?.error ?? {}
  const interrupted = entry.status === "interrupted"
  const title = interrupted ? entry.message.split(". ")[0] || "Interrupted" : "This did not work"
  const says = interrupted ? null : message || entry.message      // the rest of an interruption is the button
  const chips = examples.map(example => h("button.example", {type: "button", onclick: () => ask(example)}, example))
  const again = entry.run_id ? button("Try again", "retry", event => retry(entry.run_id, event.currentTarget), "button.quiet.outlined") : null
  if (entry.status === "cancelled") return h("div.stopped", {}, h("span", {}, "Stopped before there was a result."), again)
  return h("div.card.trouble", {"data-status": entry.status}, icon(interrupted ? "cloud" : "alert", 20),
    h("div", {}, h("strong", {}, title), says ? h("p", {}, says) : null, hint ? h("p.note", {}, hint) : null,
      chips.length ? h("p.note", {}, "These work:") : null, chips.length ? h("div.examples", {}, ...chips) : null,
      again))
}

/** The cards of a run's terminal entry. `actions`: ask(prompt), retry(runId, button). */
export function results(entry, actions) {
  if (entry.status !== "completed") return [troubleCard(entry, actions)]
  const artifacts = entry.data?.artifacts ?? []
  const cards = artifacts.map(artifact => (CARDS[artifact.kind] ?? fileCard)(artifact, entry.data))
  const plain = !cards.length && !entry.data?.understood && entry.run_id && entry.message ? [h("p.understood", {}, entry.message)] : []
  return [...restated(entry.data ?? {}), ...plain, ...cards, ...asked(entry.data?.sql)]
}
