/** Light or dark, as the page around us is; told to whoever draws with colours of its own (charts). */

const listeners = new Set()
const html = document.documentElement

function measure() {
  const probe = document.createElement("i")
  probe.style.color = getComputedStyle(html).getPropertyValue("--mui-palette-background-default") || "transparent"
  html.append(probe)          // not in the head, whose changes are watched
  const [r, g, b, alpha = 1] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number)
  probe.remove()
  if (alpha === 0) return html.dataset.theme === "dark"
  return 0.299 * r + 0.587 * g + 0.114 * b < 128
}

let dark = null
function update() {
  const now = measure()
  if (now === dark) return
  dark = now
  if (html.dataset.headway !== undefined) {     // our own page: remember the reader's choice
    html.dataset.theme = dark ? "dark" : "light"
    html.style.colorScheme = html.dataset.theme
    try { localStorage.setItem("headway.theme", html.dataset.theme) } catch { /* no storage here */ }
  }
  for (const listener of listeners) listener(dark)
}

export const isDark = () => dark ?? measure()

/** Call `listener(dark)` at each change; returns the way to stop. */
export function onTheme(listener) {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

new MutationObserver(update).observe(document.head, {childList: true, subtree: true, characterData: true})
update()
