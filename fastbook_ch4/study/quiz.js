// The widget of a round of questions: `fastbook_ch4.quiz` writes the questions and their answers as HTML, and this makes them answerable.

function fb4Read(kind, text) { // The normal form of a typed answer, or null: as `read` in quiz.py
  text = text.replace(/[ \t\r\n\u00a0]+/g, ' ').replace(/^ | $/g, '');
  if (kind == 'number') {
    text = text.replace(/−/g, '-');
    if (/^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$/.test(text)) text = text.replace(/,/g, '');
    return /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(text) ? text : null;
  }
  if (kind == 'shape') {
    if (/^[(\[] ?[)\]]$/.test(text)) return '';
    const sizes = text.replace(/torch\.[Ss]ize/g, ' ').split(/[ ,x×()\[\]]+/).filter(o => o);
    return sizes.length && sizes.every(o => /^-?[0-9]+$/.test(o)) ? sizes.map(o => o.replace(/^0+(?=[0-9])/, '')).join(',') : null;
  }
  return text.replace(/["‘’“”]/g, "'").replace(/ ?([\[\](){},:=]) ?/g, '$1') || null;
}

function fb4Mark(q, given) { // Whether an answer is right (null: it can't be read), and what to say: as `mark` in quiz.py
  const same = (a, b) => a.length == b.length && a.every((o, i) => o == b[i]);
  if (q.kind == 'order') {
    if (given.every((o, i) => o == i)) return [null, [q.unread]];
    const n = given.findIndex((o, i) => o != q.right[i]);
    return n < 0 ? [true, []] : [false, [`In the right place, from the top: ${n} of ${given.length}. Look at number ${n + 1}.`]];
  }
  if (typeof given == 'string') {
    const read = fb4Read(q.kind, given);
    if (read === null) return [null, [q.unread]];
    const close = key => q.kind == 'number' ? Math.abs(Number(key) - Number(read)) <= q.tol : key == read;
    const i = q.keys.findIndex(close);
    return [i == 0, [i < 0 ? q.other : q.whys[i]]];
  }
  if (!given.length) return [null, [q.unread]];
  const right = same(given, q.right), says = given.filter(i => right || !q.right.includes(i)).map(i => q.whys[i]);
  if (q.kind == 'several' && !q.right.every(i => given.includes(i))) says.push('An answer that belongs here is missing.');
  return [right, says];
}

function fb4Score(change) { // What this browser keeps: question -> whether the first answer was right
  const key = 'fastbook_ch4.quiz';
  let kept;
  try { kept = window.fb4Kept ?? JSON.parse(localStorage.getItem(key)); } catch { } // No storage, or a damaged entry
  if (!kept || typeof kept != 'object' || Array.isArray(kept)) kept = {};
  if (change) {
    change(kept);
    try { localStorage.setItem(key, JSON.stringify(kept)); } catch { window.fb4Kept = kept; }
    window.dispatchEvent(new Event('fb4-score'));
  }
  return kept;
}

function fb4Show(ids, element) { // Keep the score of the questions `ids` in an element up to date
  const show = () => {
    const kept = fb4Score(), given = ids.map(id => kept[id]).filter(o => typeof o == 'boolean');
    element.textContent = `Score: ${given.filter(o => o).length}/${ids.length} right at the first try, ${given.length} answered.`;
  };
  window.addEventListener('fb4-score', show);
  window.addEventListener('storage', show);
  show();
}

function fb4Make(tag, text = '', attributes = {}) { // An element; `code` in backticks
  const element = document.createElement(tag);
  text.split('`').forEach((part, i) => {
    if (i % 2) element.appendChild(document.createElement('code')).textContent = part;
    else element.append(part);
  });
  for (const [k, v] of Object.entries(attributes)) element.setAttribute(k, v);
  return element;
}

function fb4Controls(q, form, status) { // Make the options or a field answerable; a function that gives the answer
  const items = [...form.querySelectorAll('ol > li')], list = form.querySelector('ol');
  if (q.kind == 'order') {
    items.forEach((li, n) => {
      li.dataset.n = n;
      const name = li.textContent, row = fb4Make('div', '', { class: 'fb4-row' }), text = fb4Make('span');
      text.append(...li.childNodes);
      li.append(row);
      for (const [sign, word, by] of [['↑', 'up', -1], ['↓', 'down', 1]]) {
        const button = fb4Make('button', sign, { type: 'button', 'aria-label': `Move ${word}: ${name}` });
        button.onclick = () => {
          const place = [...list.children].indexOf(li), next = list.children[place + by];
          if (next) by < 0 ? next.before(li) : next.after(li);
          button.focus();
          status.replaceChildren(fb4Make('p', `${name}: now number ${[...list.children].indexOf(li) + 1} of ${items.length}.`));
        };
        row.append(button);
      }
      row.append(text);
    });
    return () => [...list.children].map(li => Number(li.dataset.n));
  }
  if (list) {
    const name = `fb4-${window.fb4Count = (window.fb4Count ?? 0) + 1}`, type = q.kind == 'one' ? 'radio' : 'checkbox';
    const inputs = items.map(li => {
      const label = document.createElement('label'), input = fb4Make('input', '', { type, name });
      label.append(input, fb4Make('span'));
      label.lastChild.append(...li.childNodes);
      li.replaceChildren(label);
      return input;
    });
    return () => inputs.flatMap((o, i) => o.checked ? [i] : []);
  }
  const field = q.lines > 1 ? fb4Make('textarea', '', { rows: q.lines }) : fb4Make('input', '', { type: 'text' });
  for (const [k, v] of Object.entries({ autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false' })) field.setAttribute(k, v);
  if (q.lines == 1) field.onkeydown = event => { // In JupyterLab, Enter would not get from here to the form
    if (event.key != 'Enter') return;
    event.preventDefault();
    form.requestSubmit();
  };
  const label = fb4Make('label', q.hint);
  label.append(field);
  form.querySelector('details').before(label);
  return () => field.value;
}

function fb4Question(q, form) { // One question; a function that puts it back to its start
  const details = form.querySelector('details'), status = fb4Make('div', '', { class: 'fb4-says', role: 'status' });
  const first = fb4Make('span', '', { class: 'fb4-first' }), before = [...(form.querySelector('ol')?.children ?? [])];
  const answer = fb4Controls(q, form, status), actions = fb4Make('p');
  actions.append(fb4Make('button', 'Check', { type: 'submit' }), ' ', first);
  details.before(actions, status);
  details.querySelector('summary').textContent = 'All answers, explained';
  const show = () => {
    const was = fb4Score()[q.id];
    first.textContent = was === true ? '✓ right at the first try' : was === false ? '✗ not right at the first try' : '';
    details.hidden = typeof was != 'boolean';
  };
  form.onsubmit = event => {
    event.preventDefault();
    const [right, says] = fb4Mark(q, answer());
    if (right !== null) fb4Score(kept => { if (typeof kept[q.id] != 'boolean') kept[q.id] = right; });
    status.dataset.right = right;
    const verdict = { true: '✓ Right.', false: '✗ Not right. You can try again; the first try counts.', null: '' }[right];
    status.replaceChildren(...(verdict ? [fb4Make('strong', verdict)] : []), ...says.map(o => fb4Make('p', o)));
    show();
  };
  show();
  return () => {
    form.reset();
    if (before.length) before[0].parentNode.append(...before);
    status.replaceChildren();
    delete status.dataset.right;
    details.open = false;
    show();
  };
}

function fb4Round(name, questions) { // Make a round that isn't ready yet answerable
  const root = document.querySelector(`.fb4-quiz[data-round="${name}"]:not([data-ready])`);
  if (!root) return;
  root.dataset.ready = 'true';
  if (location.hostname.endsWith('googleusercontent.com')) root.querySelectorAll('a').forEach(a => a.removeAttribute('href')); // In Colab they would lead nowhere
  const forms = [...root.querySelectorAll('form')], resets = questions.map((q, i) => fb4Question(q, forms[i]));
  const bar = fb4Make('p', '', { class: 'fb4-bar' }), score = fb4Make('span'), again = fb4Make('button', 'Begin again', { type: 'button' });
  again.onclick = () => {
    fb4Score(kept => questions.forEach(q => delete kept[q.id]));
    resets.forEach(reset => reset());
  };
  bar.append(score, ' ', again);
  root.append(bar);
  root.querySelectorAll('input, textarea, button, summary, a, pre').forEach(o => { o.dataset.lmSuppressShortcuts = 'true'; }); // Or JupyterLab takes the keys: d, d would delete the cell
  fb4Show(questions.map(q => q.id), score);
}

function fb4Total(ids) { // The score of all rounds, where `Score` left a place for it
  document.querySelectorAll('.fb4-total:not([data-ready])').forEach(element => {
    element.dataset.ready = 'true';
    fb4Show(ids, element);
  });
}
