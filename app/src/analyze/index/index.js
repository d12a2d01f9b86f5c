// Sorts and filters the table of the index. The rows stand in the page already: without a script it can be read too.
'use strict';
(() => {
  const body = document.querySelector('tbody');
  const heads = [...document.querySelectorAll('thead th')];
  const names = new Intl.Collator(undefined, { numeric: true });

  function valueOf(row, column) {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  }

  function sort(column) {
    const wasUp = heads[column].getAttribute('aria-sort') === 'ascending';
    const sign = wasUp ? -1 : 1;
    const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
    rows.sort(([a], [b]) => sign * (typeof a === 'number' ? a - b : names.compare(a, b)));
    body.append(...rows.map(([, row]) => row));
    heads.forEach((head) => head.removeAttribute('aria-sort'));
    heads[column].setAttribute('aria-sort', wasUp ? 'descending' : 'ascending');
  }

  function filter(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let nShown = 0;
    for (const row of body.rows) {
      const content = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => content.includes(word));
      nShown += row.hidden ? 0 : 1;
    }
    document.getElementById('shown').textContent = words.length > 0 ? `${nShown} of ${body.rows.length}` : '';
  }

  heads.forEach((head, column) => head.querySelector('button').addEventListener('click', () => sort(column)));
  document.getElementById('filter').addEventListener('input', (event) => filter(event.target.value));
})();
