/** Light or dark, as the page around us is; told to whoever draws with colours of its own (charts). */

const listeners = new Set()
const html = document.documentElement

function measure() {
  const probe = document.createElement("i")
  probe.style.color = getComputedStyle(html).getPropertyValue("--mui-palette-background-default") || "transparent"
  html.append(probe)          // not in the head, whose changes are watched
  const [r, g, b, alpha = 1] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number)
  probe.remove()
  if (alpha === 0) return null          // Material is not there yet, or not at all
  return 0.299 * r + 0.587 * g + 0.114 * b < 128
}

const ours = html.dataset.headway !== undefined         // our own page has decided before anything was drawn
let dark = ours ? html.dataset.theme === "dark" : measure() ?? false
let settled = !ours

function update() {
  const now = measure()
  if (!settled) settled = now === dark                  // Material begins light and follows in a moment
  if (!settled || now === null || now === dark) return
  dark = now
  if (ours) {                                           // the reader has chosen
    html.dataset.theme = html.style.colorScheme = dark ? "dark" : "light"
    try { localStorage.setItem("headway.theme", html.dataset.theme) } catch { /* no storage here */ }
  }
  for (const listener of listeners) listener(dark)
}

export const isDark = () => dark

/** Call `listener(dark)` at each change; returns the way to stop. */
export function onTheme(listener) {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

new MutationObserver(update).observe(document.head, {childList: true, subtree: true, characterData: true})
update()
