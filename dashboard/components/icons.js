/** The icons of the dashboard, drawn here so that none is fetched from anywhere. */

const PATHS = {
  plus: "M12 5v14M5 12h14",
  send: "M12 19V5M5.5 11.5 12 5l6.5 6.5",
  down: "M12 5v14M5.5 12.5 12 19l6.5-6.5",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  pencil: "M4 20h4L19 9l-4-4L4 16zM13.5 6.5l4 4",
  bin: "M5 7h14M10 11v6M14 11v6M7 7l1 13h8l1-13M9 7V4h6v3",
  chart: "M4 20h16M7 20v-7M12 20V6M17 20v-10",
  file: "M7 3h7l5 5v13H7zM14 3v5h5",
  text: "M5 6h14M5 11h14M5 16h9",
  retry: "M4 12a8 8 0 1 0 2.5-5.8M4 4v5h5",
  alert: "M12 8v5M12 16.5v.5M12 3 2.5 20h19z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4",
  cloud: "M4 4l16 16M9 7a6 6 0 0 1 8.5 4.1A4 4 0 0 1 19 18M14 18H7a4 4 0 0 1-.6-8",
}

export function icon(name, size = 18) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  const attributes = {viewBox: "0 0 24 24", width: size, height: size, fill: "none", stroke: "currentColor", "stroke-width": 1.75, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true"}
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value)
  const path = document.createElementNS(svg.namespaceURI, "path")
  path.setAttribute("d", PATHS[name] ?? PATHS.text)
  svg.append(path)
  return svg
}

/** Headway's mark: three bars on their way. */
export function logo(size = 28) {
  const svg = icon("text", size)
  svg.setAttribute("class", "logo")
  svg.setAttribute("stroke-width", 3)
  svg.firstChild.setAttribute("d", "M4 6h7M4 12h12M4 18h16")
  return svg
}
