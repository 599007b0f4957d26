// Shows what is in the emulator, and steers it by its control routes.
// Names are strangers' text: they are only ever set as text.
'use strict';

const PAUSE = 1000;
const SHOWN = 200;

const SWITCHES = [
  ['One answer in ten is 503', 'status=503,rate=0.1'],
  ['Answers take a second', 'slow=1'],
  ['One answer in ten is cut off', 'cut=after,rate=0.1'],
  ['Tokens last a minute', 'token-seconds=60'],
  ['Jobs fail', 'job=fail'],
  ['Jobs hang', 'job=hang'],
];

const find = (id) => document.getElementById(id);
let projects = new Map();
let faults = [];
let lastRequest = 0;
let records = [];

// ====== ASKING ======

async function ask(method, path, body) {
  const answer = await fetch(`_emulator/${path}`, {
    method,
    headers: body ? {'Content-Type': 'application/json'} : {},
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  const value = text ? JSON.parse(text) : null;
  if (!answer.ok) {
    throw new Error(value?.error?.message ?? `HTTP ${answer.status}`);
  }
  return value;
}

function say(problem) {
  find('problem').hidden = !problem;
  find('problem').textContent = problem ?? '';
}

async function act(method, path, body) {
  try {
    await ask(method, path, body);
    say(null);
  } catch (error) {
    say(error.message);
  }
  await refresh();
}

// ====== SHOWING ======

function make(name, text, kind) {
  const element = document.createElement(name);
  if (text !== undefined && text !== null) element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

// A row; each cell is a text, or an element, and carries its column's name.
function row(table, cells) {
  const labels = table.closest('table').querySelectorAll('th');
  const line = make('tr');
  cells.forEach((cell, number) => {
    const [content, kind] = Array.isArray(cell) ? cell : [cell];
    const place = make('td', null, kind);
    place.dataset.label = labels[number].textContent;
    place.append(content ?? '');
    line.append(place);
  });
  return line;
}

function fill(kind, total, rows) {
  find(`${kind}-count`).textContent = total;
  const empty = find(`${kind}-empty`);
  if (empty) empty.hidden = rows.length > 0;
  replace(find(`${kind}-rows`), rows);
}

// Puts elements into a place. Those that are there already stay: who has
// selected or focused something in them keeps it.
function replace(place, elements) {
  const there = new Map([...place.children].map((each) => [each.outerHTML, each]));
  const wanted = elements.map((each) => {
    const same = there.get(each.outerHTML);
    there.delete(each.outerHTML);
    return same ?? each;
  });
  const focused = place.contains(document.activeElement)
    ? document.activeElement.getAttribute('aria-label') : null;
  const staying = new Set(wanted);
  for (const each of [...place.children]) {
    if (!staying.has(each)) each.remove();
  }
  wanted.forEach((each, number) => {
    const now = place.children[number] ?? null;
    if (now !== each) place.insertBefore(each, now);
  });
  if (focused && !place.contains(document.activeElement)) {
    [...place.querySelectorAll('[aria-label]')]
      .find((each) => each.getAttribute('aria-label') === focused)
      ?.focus({preventScroll: true});
  }
}

function badge(text, good, bad) {
  const kind = good.includes(text) ? 'good' : bad.includes(text) ? 'bad' : 'busy';
  return make('span', text, `badge ${kind}`);
}

function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
}

const time = (text) => (text ? text.slice(11, 19) : '');
const moment = (text) => (text ? `${text.slice(0, 10)} ${time(text)}` : '');
const project = (id) => projects.get(id) ?? id ?? '';

function showImages(images) {
  const table = find('images-rows');
  fill('images', images.total, images.newest.map((each) => {
    const name = make('span', each.name ?? '');
    name.append(make('small', each.id, 'code'));
    return row(table, [
      name,
      badge(each.status, ['active'], ['killed', 'error']),
      each.visibility,
      project(each.owner),
      each.os_version,
      (each.tags ?? []).join(', '),
      [moment(each.created_at), 'short'],
    ]);
  }));
}

function showJobs(jobs, held) {
  const table = find('jobs-rows');
  const running = jobs.filter((each) => !each.end_time).length;
  fill('jobs', running || jobs.length, jobs.map((each) => {
    const bar = make('progress');
    bar.max = 1;
    bar.value = each.end_time ? 1 : each.progress;
    bar.setAttribute('aria-label', `Progress of ${each.type}`);
    const what = make('span', each.type);
    what.append(make('small', each.operation ?? ''));
    const state = badge(each.status, ['SUCCESS'], ['FAIL']);
    const status = make('span');
    status.append(state, make('small', each.error_code ?? ''));
    const actions = make('span');
    if (!each.end_time) {
      const names = each.is_held ? ['finish', 'fail', 'release']
        : ['finish', 'fail', 'hold'];
      for (const action of names) {
        const button = make('button', action);
        button.setAttribute('aria-label', `${action} ${each.type} ${each.id}`);
        button.addEventListener('click', () => act('POST', 'jobs', {
          action, job: each.id,
        }));
        actions.append(button);
      }
    }
    return row(table, [
      what, bar, status, [moment(each.begin_time), 'short'],
      [each.image_id ?? '', 'code'], actions,
    ]);
  }));
}

function showBuckets(buckets) {
  const table = find('buckets-rows');
  fill('buckets', buckets.length, buckets.map((each) => row(table, [
    each.name, each.region, project(each.project_id),
    [`${each.objects}`, 'number'], [size(each.bytes), 'number'],
    [`${each.uploads}`, 'number'],
  ])));
}

function showFaults(found) {
  faults = found.faults.map((each) => each.fault);
  fill('faults', faults.length, found.faults.map((each) => {
    const line = make('li');
    line.append(make('code', each.fault));
    line.append(` ${each.injected} of ${each.requests} requests `);
    const button = make('button', 'Remove');
    button.setAttribute('aria-label', `Remove ${each.fault}`);
    button.addEventListener('click', () => setFaults(
      faults.filter((one) => one !== each.fault)));
    line.append(button);
    return line;
  }));
  for (const box of find('switches').querySelectorAll('input')) {
    box.checked = faults.includes(box.value);
  }
}

function showPlaces(health) {
  find('state').textContent =
    `version ${health.version}, up for ${Math.round(health.uptime)} s`;
  find('regions').textContent = health.regions.join(', ');
  find('places-count').textContent = health.regions.length;
  const table = find('places-rows');
  table.replaceChildren(...Object.entries(health.urls).map(
    ([service, url]) => row(table, [service, [url, 'code']])));
}

function isShown(each) {
  const wanted = find('requests-shown').value;
  if (wanted === 'failed') return !each.status || each.status >= 400;
  return !wanted || each.service === wanted;
}

function showRequests() {
  const table = find('requests-rows');
  const rows = records.filter(isShown).slice(-SHOWN).reverse().map((each) => {
    const status = each.status ?? (each.seconds === null ? '…' : 'cut');
    const kind = each.status === null ? 'busy' : each.status < 400 ? 'good' : 'bad';
    const mark = make('span');
    mark.append(make('span', `${status}`, `badge ${kind}`));
    if (each.error_code) mark.append(make('small', each.error_code));
    const what = make('span', each.operation ?? '');
    what.append(make('small', each.service ?? ''));
    const path = make('span', `${each.method} ${each.path}`);
    if (each.error) path.append(make('small', each.error));
    if (each.fault) path.append(make('small', `fault: ${each.fault}`));
    const took = each.seconds === null ? '' : (each.seconds * 1000).toFixed(0);
    return row(table, [
      [time(each.time), 'short'], mark, what, [path, 'code'], [took, 'number'],
      each.user_agent.split(' ')[0],
    ]);
  });
  fill('requests', lastRequest, rows);
}

// ====== STEERING ======

function setFaults(texts) {
  return act('PUT', 'faults', {faults: texts});
}

function prepare() {
  for (const [label, text] of SWITCHES) {
    const box = make('input');
    box.type = 'checkbox';
    box.value = text;
    box.addEventListener('change', () => setFaults(
      box.checked ? [...faults, text] : faults.filter((one) => one !== text)));
    const line = make('label');
    line.append(box, ` ${label}`);
    find('switches').append(line);
  }
  find('add').addEventListener('submit', (event) => {
    event.preventDefault();
    setFaults([...faults, find('fault').value]);
  });
  find('clock').addEventListener('submit', (event) => {
    event.preventDefault();
    act('POST', 'clock', {advance: find('advance').value});
  });
  find('reset').addEventListener('click', () => find('sure').showModal());
  find('sure').addEventListener('close', async () => {
    if (find('sure').returnValue !== 'yes') return;
    records = [];
    lastRequest = 0;
    await act('POST', 'reset');
  });
  find('requests-shown').addEventListener('change', showRequests);
}

async function refresh() {
  try {
    const all = await ask('GET', 'overview');
    projects = new Map(all.projects.map((each) => [each.id, each.name]));
    find('now').textContent = moment(all.clock.now)
      + (all.clock.advanced ? ` (+${Math.round(all.clock.advanced)} s)` : '');
    showPlaces(all.health);
    showImages(all.images);
    showJobs(all.jobs, all.held);
    showBuckets(all.buckets);
    showFaults(all.faults);
    if (!find('paused').checked) {
      if (all.requests.last < lastRequest) {
        records = [];
        lastRequest = 0;
      }
      const pending = records.find((each) => each.seconds === null);
      const after = pending ? pending.number - 1 : lastRequest;
      const news = await ask('GET', `requests?after=${after}`);
      records = [...records.filter((each) => each.number <= after),
        ...news.requests].slice(-2000);
      lastRequest = news.last;
      showRequests();
    }
    document.body.dataset.ready = 'yes';
  } catch (error) {
    find('state').textContent = 'The emulator does not answer.';
  }
}

async function run() {
  prepare();
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((wake) => setTimeout(wake, PAUSE));
  }
}

run();
