// Elements without a framework.

// h('p', {class: 'x', onclick: f}, 'text', child): text is always text, never markup.
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// Only where it differs, so that a page that stays the same is left alone.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const cssColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A mark in a line's colour; set by script, as the page's policy allows no style in markup.
export function swatch(color, dashed) {
  const mark = h('i', {class: dashed ? 'swatch dashed' : 'swatch', 'aria-hidden': 'true'});
  mark.style.setProperty('--swatch', `var(${color})`);
  return mark;
}

// A table in a frame that scrolls by itself where it is wider than the screen.
// columns: [{title, text: row => string, node: row => Node, number: bool, header: bool}]
export function table(caption, columns) {
  const body = h('tbody');
  const element = h('div', {class: 'table', role: 'region', tabindex: '0', 'aria-label': caption},
    h('table', {},
      h('caption', {class: 'hidden'}, caption),
      h('thead', {}, h('tr', {}, columns.map((column) =>
        h('th', {scope: 'col', class: column.number ? 'number' : null}, column.title)))),
      body));
  let shown = '';
  return {
    element,
    update(rows) {
      const cells = rows.map((row) => columns.map((column) => column.text(row)));
      const key = JSON.stringify(cells);
      if (key === shown) return;
      shown = key;
      body.replaceChildren(...rows.map((row, i) => h('tr', {}, columns.map((column, k) =>
        h(column.header ? 'th' : 'td',
          {class: column.number ? 'number' : column.class, scope: column.header ? 'row' : null},
          column.node ? column.node(row) : cells[i][k])))));
    },
  };
}
