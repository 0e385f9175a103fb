/** What the chat shows when there is no transcript: a welcome with examples, an unknown session, no server. */
import {h} from "./progress.js"
import {icon, logo} from "./icons.js"

const TITLES = {chart: "Charts", file: "Files", text: "Findings"}

function group(type, ask) {
  const examples = (type.examples ?? []).slice(0, 3)
  if (!examples.length) return null
  return h("section.offer", {}, h("h3", {}, icon(type.type, 16), TITLES[type.type] ?? type.type[0].toUpperCase() + type.type.slice(1)),
    ...examples.map(example => h("button.example", {type: "button", onclick: () => ask(example)}, example)))
}

export function welcome(types, ask) {
  return h("div.welcome", {}, logo(44), h("h1", {}, "What would you like to know?"),
    h("p", {}, "Ask in your own words. Headway looks into your database, shows each step while it works, and answers with a chart, a file or findings."),
    h("div.offers", {}, ...types.map(type => group(type, ask)).filter(Boolean)))
}

export function unknownSession(onNew) {
  return h("div.welcome.quiet-state", {}, h("span.state-icon", {}, icon("text", 28)), h("h1", {}, "Nothing here yet"),
    h("p", {}, "This session has no entries: it was deleted, the link is not complete, or nothing was logged so far. If something is logged, it appears here at once."),
    h("button.primary", {type: "button", onclick: onNew}, icon("plus", 18), h("span", {}, "New chat")))
}

export function unreachable(onRetry) {
  return h("div.welcome.quiet-state", {}, h("span.state-icon", {}, icon("cloud", 28)), h("h1", {}, "The server cannot be reached"),
    h("p", {}, "Headway keeps trying and continues by itself as soon as the server answers. Nothing is lost: runs and their log stay in the server."),
    h("button.primary", {type: "button", onclick: onRetry}, icon("retry", 18), h("span", {}, "Try now")))
}
