// Makes the rounds of questions on a page answerable. `fastbook_ch4.study.quiz` writes the questions and their answers
// as HTML. A notebook may run this once for each round on its page, so nothing here minds being run again.

function fb4Read(kind, text) { // The normal form of a typed answer, or null: as `read` in quiz.py
  text = text.replace(/−/g, '-').replace(/[ \t\r\n\u00a0]+/g, ' ').replace(/^ | $/g, '');
  if (kind == 'number') {
    if (/^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$/.test(text)) text = text.replace(/,/g, '');
    return /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(text) ? text : null;
  }
  if (kind == 'shape') {
    if (/^[(\[] ?[)\]]$/.test(text)) return '';
    const sizes = text.replace(/torch\.[Ss]ize/g, ' ').split(/[ ,x×()\[\]]+/).filter(o => o);
    if (!sizes.length || !sizes.every(o => /^-?[0-9]+$/.test(o))) return null;
    return sizes.map(o => o.replace(/^0+(?=[0-9])/, '')).join(',');
  }
  return text.replace(/["‘’“”]/g, "'").replace(/ ?([\[\](){},:=]) ?/g, '$1') || null;
}

function fb4Form(text) { // The form of something printed: as `form` in quiz.py
  text = text.replace(/'[^']*'/g, 'a').replace(/[-+]?\b(?:nan|inf)\b/g, '0');
  text = text.replace(/[-+]?[0-9]+\.?[0-9]*(?:e[-+]?[0-9]+)?%?/g, '0').replace(/[A-Za-z_][A-Za-z0-9_]*/g, 'a');
  for (;;) {
    const shorter = text.replace(/(0|a|\[[^\][]*\]|\([^()]*\))(,\1)+/g, '$1');
    if (shorter == text) return text;
    text = shorter;
  }
}

function fb4MarkOrder(q, given) {
  if (given.every((o, i) => o == i)) return [null, [q.unread]];
  const n = given.findIndex((o, i) => o != q.right[i]);
  return n < 0 ? [true, []] : [false, [`In the right place, from the top: ${n} of ${given.length}. Look at number ${n + 1}.`]];
}

function fb4MarkTyped(q, given) {
  const read = fb4Read(q.kind, given);
  if (read === null || q.forms && !q.forms.includes(fb4Form(read))) return [null, [q.unread]];
  const close = key => q.kind == 'number' ? Math.abs(Number(key) - Number(read)) <= q.tol : key == read;
  const i = q.keys.findIndex(close);
  return [i == 0, [i < 0 ? q.other : q.whys[i]]];
}

function fb4MarkChosen(q, given) {
  if (!given.length) return [null, [q.unread]];
  const right = given.length == q.right.length && given.every((o, i) => o == q.right[i]);
  const says = given.filter(i => right || !q.right.includes(i)).map(i => q.whys[i]);
  if (q.kind == 'several' && !q.right.every(i => given.includes(i))) says.push('An answer that belongs here is missing.');
  return [right, says];
}

function fb4Mark(q, given) { // Whether an answer is right (null: it can't be read), and what to say: as `mark` in quiz.py
  if (q.kind == 'order') return fb4MarkOrder(q, given);
  return q.keys ? fb4MarkTyped(q, given) : fb4MarkChosen(q, given);
}

// What this browser keeps. `fastbook_ch4.quiz`: question -> whether the first answer was right;
// `fastbook_ch4.quiz.given`: question -> the last answer, to be there again when the page is.

function fb4Kept(key) {
  let kept = window.fb4Memory?.[key];
  try { kept ??= JSON.parse(localStorage.getItem(key)); } catch { } // No storage, or a damaged entry
  return kept && typeof kept == 'object' && !Array.isArray(kept) ? kept : {};
}

function fb4Change(key, change) {
  const kept = fb4Kept(key);
  change(kept);
  try { localStorage.setItem(key, JSON.stringify(kept)); }
  catch { window.fb4Memory = { ...window.fb4Memory, [key]: kept }; }
  window.dispatchEvent(new Event('fb4-score'));
}

function fb4Scores() { return fb4Kept('fastbook_ch4.quiz'); }

function fb4Keep(id, given, right) { // Of the answers that can be read, the first counts and the last is shown again
  fb4Change('fastbook_ch4.quiz.given', kept => { kept[id] = given; });
  fb4Change('fastbook_ch4.quiz', kept => { if (typeof kept[id] != 'boolean') kept[id] = right; });
}

function fb4Forget(ids) {
  for (const key of ['fastbook_ch4.quiz.given', 'fastbook_ch4.quiz']) fb4Change(key, kept => ids.forEach(id => delete kept[id]));
}

function fb4Show(ids, element) { // Keep the score of the questions `ids` in an element up to date
  const show = () => {
    const given = ids.map(id => fb4Scores()[id]).filter(o => typeof o == 'boolean');
    element.textContent = `Score: ${given.filter(o => o).length}/${ids.length} right at the first try, ${given.length} answered.`;
  };
  window.addEventListener('fb4-score', show);
  window.addEventListener('storage', show);
  show();
}

// The widgets. Each has `get`, which gives the answer as `fb4Mark` wants it, and `set`, which puts one there.

function fb4Make(tag, text = '', attributes = {}) { // An element; `code` in backticks
  const element = document.createElement(tag);
  text.split('`').forEach((part, i) => {
    if (i % 2) element.appendChild(document.createElement('code')).textContent = part;
    else element.append(part);
  });
  for (const [k, v] of Object.entries(attributes)) element.setAttribute(k, v);
  return element;
}

function fb4Movable(li, list, status) { // Give an item its buttons up and down
  const name = li.textContent, row = fb4Make('div', '', { class: 'fb4-row' }), text = fb4Make('span');
  text.append(...li.childNodes);
  li.append(row);
  for (const [sign, word, by] of [['↑', 'up', -1], ['↓', 'down', 1]]) {
    const button = fb4Make('button', sign, { type: 'button', 'aria-label': `Move ${word}: ${name}` });
    button.onclick = () => {
      const next = list.children[[...list.children].indexOf(li) + by];
      if (next) by < 0 ? next.before(li) : next.after(li);
      button.focus();
      const place = [...list.children].indexOf(li) + 1;
      delete status.dataset.right;
      status.replaceChildren(fb4Make('p', `${name}: now number ${place} of ${list.children.length}.`));
      list.dispatchEvent(new Event('input', { bubbles: true }));
    };
    row.append(button);
  }
  row.append(text);
}

function fb4Order(list, status) {
  const items = [...list.children];
  items.forEach(li => fb4Movable(li, list, status));
  return {
    get: () => [...list.children].map(li => items.indexOf(li)),
    set: given => { if (items.every((_, i) => given.includes(i))) list.append(...given.map(i => items[i])); },
  };
}

function fb4Choice(list, type) {
  const name = `fb4-${window.fb4Count = (window.fb4Count ?? 0) + 1}`;
  const inputs = [...list.children].map(li => {
    const label = document.createElement('label'), input = fb4Make('input', '', { type, name, autocomplete: 'off' });
    label.append(input, fb4Make('span'));
    label.lastChild.append(...li.childNodes);
    li.replaceChildren(label);
    return input;
  });
  return {
    get: () => inputs.flatMap((o, i) => o.checked ? [i] : []),
    set: given => inputs.forEach((o, i) => { o.checked = given.includes(i); }),
  };
}

function fb4Field(q, form) {
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
  return { get: () => field.value, set: given => { field.value = given; } };
}

function fb4Widget(q, form, status) {
  if (q.keys) return fb4Field(q, form);
  const list = form.querySelector('ol');
  return q.kind == 'order' ? fb4Order(list, status) : fb4Choice(list, q.kind == 'one' ? 'radio' : 'checkbox');
}

// The questions

function fb4Verdict(form, status, right, says) { // Show what was made of an answer
  status.dataset.right = form.dataset.right = right;
  const verdict = { true: '✓ Right.', false: '✗ Not right. You can try again; the first try counts.', null: '' }[right];
  status.replaceChildren(...(verdict ? [fb4Make('strong', verdict)] : []), ...says.map(o => fb4Make('p', o)));
}

function fb4Again(q, form, status, widget) { // Put back what was answered before the page was loaded again
  const given = fb4Kept('fastbook_ch4.quiz.given')[q.id];
  if (typeof fb4Scores()[q.id] != 'boolean' || (q.keys ? typeof given != 'string' : !Array.isArray(given))) return;
  widget.set(given);
  const [right, says] = fb4Mark(q, widget.get());
  if (right !== null) fb4Verdict(form, status, right, says);
}

function fb4Question(form) { // Make one question answerable; a function that puts it back to its start
  const q = JSON.parse(form.dataset.question), details = form.querySelector('details');
  const status = fb4Make('div', '', { class: 'fb4-says', role: 'status' }), first = fb4Make('span', '', { class: 'fb4-first' });
  const widget = fb4Widget(q, form, status), start = widget.get(), actions = fb4Make('p');
  const show = () => {
    const was = fb4Scores()[q.id];
    first.textContent = was === true ? '✓ right at the first try' : was === false ? '✗ not right at the first try' : '';
    details.hidden = typeof was != 'boolean';
  };
  form.onsubmit = event => {
    event.preventDefault();
    const given = widget.get(), [right, says] = fb4Mark(q, given);
    if (right !== null) fb4Keep(q.id, given, right);
    fb4Verdict(form, status, right, says);
    show();
  };
  form.oninput = () => { delete form.dataset.right; }; // What is chosen now hasn't been marked
  fb4Again(q, form, status, widget);
  actions.append(fb4Make('button', 'Check', { type: 'submit' }), ' ', first);
  details.before(actions, status);
  details.querySelector('summary').textContent = 'All answers, explained';
  show();
  return () => fb4Reset(form, status, widget, start, show);
}

function fb4Reset(form, status, widget, start, show) {
  widget.set(start);
  status.replaceChildren();
  for (const element of [form, status]) delete element.dataset.right;
  form.querySelector('details').open = false;
  show();
}

function fb4Round(root) {
  root.dataset.ready = 'true';
  if (location.hostname.endsWith('googleusercontent.com')) // In Colab links would lead nowhere
    root.querySelectorAll('a').forEach(a => a.removeAttribute('href'));
  const forms = [...root.querySelectorAll('form')], ids = forms.map(form => JSON.parse(form.dataset.question).id);
  const resets = forms.map(fb4Question), bar = fb4Make('p', '', { class: 'fb4-bar' });
  const score = fb4Make('span'), again = fb4Make('button', 'Begin again', { type: 'button' });
  again.onclick = () => {
    fb4Forget(ids);
    resets.forEach(reset => reset());
  };
  bar.append(score, ' ', again);
  root.append(bar);
  // Or JupyterLab takes the keys: d, d would delete the cell
  root.querySelectorAll('input, textarea, button, summary, a, pre').forEach(o => { o.dataset.lmSuppressShortcuts = 'true'; });
  fb4Show(ids, score);
}

function fb4Total(element) {
  element.dataset.ready = 'true';
  fb4Show(JSON.parse(element.dataset.ids), element);
}

function fb4Start() {
  document.querySelectorAll('.fb4-quiz:not([data-ready])').forEach(fb4Round);
  document.querySelectorAll('.fb4-total:not([data-ready])').forEach(fb4Total);
}

if (typeof document != 'undefined') document.readyState == 'loading' ? document.addEventListener('DOMContentLoaded', fb4Start) : fb4Start();
