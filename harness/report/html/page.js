// SPDX-License-Identifier: Apache-2.0
// The page's behaviour: views over the data in #data. Lists draw only the rows in sight; text is set as text, never as
// markup.
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const byId = id => document.getElementById(id);
  const SVG = byId('svg').namespaceURI; // no address in the page, not even a name that looks like one
  const ROW = 32, FLAME_ROW = 22, MAX_FLAME_BOXES = 4000, MAX_CHARTS = 200;

  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {}))
      if (name === 'text') node.textContent = value;
      else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
      else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : value);
    node.append(...children.filter(child => child !== undefined));
    return node;
  }
  const number = value => Number(value).toLocaleString('en');
  const counted = (count, noun) => number(count) + ' ' + noun + (count === 1 ? '' : 's');
  function bytes(value) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
    let index = 0;
    while (value >= 1024 && index < units.length - 1) value /= 1024, ++index;
    return (index ? value.toFixed(1) : String(value)) + ' ' + units[index];
  }
  const duration = ms => ms < 1000 ? ms + ' ms' : ms < 60000 ? (ms / 1000).toFixed(1) + ' s' : (ms / 60000).toFixed(1) + ' min';
  const words = name => name.replaceAll('_', ' ');
  const testName = leak => leak.test === undefined ? '' : data.tests[leak.test][0];
  const frame = index => data.frames[index] || ['', '', 0];
  const siteOf = leak => frame(leak.stack[leak.site]);

  // --- header
  document.title = 'leakgate: ' + data.verdict;
  byId('badge').textContent = data.verdict;
  byId('badge').className = data.verdict;
  byId('sentence').textContent = data.sentence.replace(/^[a-z]+: /, '');
  byId('command').textContent = '$ ' + data.command.join(' ') + (data.started ? '   ' + data.started : '') + '   ' + duration(data.wall_ms);
  for (const note of data.notes) byId('notes').append(el('li', {text: note}));
  if (data.leaks_left_out) byId('notes').append(el('li', {text: number(data.leaks_left_out) + ' smaller leaks are in the JSON report only'}));
  for (const [label, value] of [['tests', number(data.summary.tests)], ['tests that leak', number(data.summary.leaking)],
    ['leaked', bytes(data.summary.leaked_bytes)], ['leaked blocks', number(data.summary.leaked_blocks)],
    ['allocations', number(data.summary.allocations)], ['frees', number(data.summary.frees)],
    ['peak', bytes(data.summary.peak_live_bytes)]])
    byId('figures').append(el('div', {}, el('b', {text: value}), el('span', {text: label})));
  byId('theme').addEventListener('click', () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
  });

  // --- a list of any length
  class Grid {
    constructor(columns, widths, rows, open) {
      this.columns = columns; this.widths = widths; this.rows = rows; this.open = open; this.selected = -1;
      this.sorted = -1; this.down = true;
      this.spacer = el('div', {class: 'spacer', role: 'rowgroup'});
      this.scroll = el('div', {class: 'scroll', tabindex: 0, 'aria-label': 'rows: arrow keys move, Enter opens'}, this.spacer);
      this.scroll.addEventListener('scroll', () => this.draw());
      this.scroll.addEventListener('keydown', event => this.key(event));
      this.head = el('div', {class: 'head', role: 'row', style: 'grid-template-columns:' + widths});
      columns.forEach((column, index) => this.head.append(
        el('div', {role: 'columnheader', class: column.numeric ? 'num' : ''},
          el('button', {type: 'button', text: column.name, onclick: () => this.sort(index)}))));
      this.node = el('div', {class: 'grid', role: 'grid', 'aria-rowcount': rows.length}, this.head, this.scroll);
      this.show(rows);
    }
    show(rows) {
      this.shown = rows; this.selected = -1;
      this.spacer.style.height = rows.length * ROW + 'px';
      this.node.setAttribute('aria-rowcount', rows.length);
      this.scroll.scrollTop = 0;
      this.draw();
    }
    sort(index) {
      this.down = this.sorted === index ? !this.down : !!this.columns[index].numeric;
      this.sorted = index;
      const value = this.columns[index].value, sign = this.down ? -1 : 1;
      this.shown = this.shown.slice().sort((a, b) => {
        const x = value(a), y = value(b);
        return sign * (x < y ? -1 : x > y ? 1 : 0);
      });
      [...this.head.children].forEach((cell, i) =>
        cell.setAttribute('aria-sort', i !== index ? 'none' : this.down ? 'descending' : 'ascending'));
      this.selected = -1;
      this.draw();
    }
    draw() {
      const height = this.scroll.clientHeight || 400;
      const first = Math.max(0, Math.floor(this.scroll.scrollTop / ROW) - 5);
      const last = Math.min(this.shown.length, first + Math.ceil(height / ROW) + 10);
      const nodes = [];
      for (let i = first; i < last; ++i) {
        const row = el('div', {class: 'row', role: 'row', 'aria-rowindex': i + 1, 'aria-selected': String(i === this.selected),
          style: 'grid-template-columns:' + this.widths + ';top:' + i * ROW + 'px', onclick: () => this.choose(i)});
        for (const column of this.columns) {
          const text = column.text ? column.text(this.shown[i]) : column.value(this.shown[i]);
          row.append(el('div', {role: 'gridcell', text, title: text, class: (column.numeric ? 'num ' : '') + (column.style ? column.style(this.shown[i]) : '')}));
        }
        nodes.push(row);
      }
      this.spacer.replaceChildren(...nodes);
    }
    choose(index) {
      if (index < 0 || index >= this.shown.length) return;
      this.selected = index;
      const top = index * ROW, height = this.scroll.clientHeight;
      if (top < this.scroll.scrollTop) this.scroll.scrollTop = top;
      if (top + ROW > this.scroll.scrollTop + height) this.scroll.scrollTop = top + ROW - height;
      this.draw();
      this.open(this.shown[index]);
    }
    key(event) {
      const page = Math.max(1, Math.floor(this.scroll.clientHeight / ROW) - 1);
      const to = {ArrowDown: this.selected + 1, ArrowUp: Math.max(0, this.selected - 1), PageDown: Math.min(this.shown.length - 1, this.selected + page),
        PageUp: Math.max(0, this.selected - page), Home: 0, End: this.shown.length - 1, Enter: this.selected}[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.choose(to);
    }
  }

  // --- pieces
  function bars(values, labels, small) {
    const top = Math.max(1, ...values);
    return el('div', {class: small ? 'bars small' : 'bars', role: 'img', 'aria-label': labels.map((label, i) => label + ': ' + values[i]).join(', ')},
      ...values.map((value, i) => el('div', {title: labels[i] + ': ' + number(value)},
        el('i', {style: 'height:calc((100% - 1.5em) * ' + (value / top).toFixed(3) + ')'}), el('span', {text: labels[i]}))));
  }
  // What a site added in each round (bars) and the sum of it (line), on one scale each.
  function growthChart(growth, small) {
    const width = small ? 300 : 640, height = small ? 110 : 190, left = 64, bottom = 20, top = 10, right = 10;
    const svg = (tag, attributes, text) => {
      const node = document.createElementNS(SVG, tag);
      for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
      if (text !== undefined) node.textContent = text;
      return node;
    };
    const sums = [];
    for (const added of growth.added) sums.push((sums.at(-1) || 0) + added);
    const most = Math.max(1, sums.at(-1) || 0), count = Math.max(1, growth.added.length);
    const step = (width - left - right) / count;
    const x = i => left + (i + 0.5) * step, y = value => top + (height - top - bottom) * (1 - value / most);
    const rounds = i => growth.step === 1 ? 'round ' + (i + 1) : 'rounds ' + (i * growth.step + 1) + ' to ' + Math.min(growth.rounds, (i + 1) * growth.step);
    const chart = svg('svg', {viewBox: '0 0 ' + width + ' ' + height, class: 'growth' + (small ? ' small' : ''), role: 'img',
      'aria-label': words(growth.pattern) + ': ' + growth.added.map((added, i) => rounds(i) + ' added ' + added + ' bytes').join(', ')});
    for (const part of [0, 0.5, 1]) {
      chart.append(svg('line', {x1: left, x2: width - right, y1: y(most * part), y2: y(most * part), class: 'rule'}));
      chart.append(svg('text', {x: left - 6, y: y(most * part) + 4, 'text-anchor': 'end'}, bytes(Math.round(most * part))));
    }
    growth.added.forEach((added, i) => {
      const bar = svg('rect', {x: x(i) - Math.max(0.5, step * 0.36), width: Math.max(1, step * 0.72), y: y(added), height: height - bottom - y(added), class: 'added'});
      bar.append(svg('title', {}, rounds(i) + ': ' + number(added) + ' bytes added, ' + number(sums[i]) + ' in all'));
      chart.append(bar);
    });
    chart.append(svg('polyline', {points: sums.map((sum, i) => x(i) + ',' + y(sum)).join(' '), class: 'sum'}));
    if (count <= 60) sums.forEach((sum, i) => chart.append(svg('circle', {cx: x(i), cy: y(sum), r: 2.6, class: 'dot'})));
    const every = Math.max(1, Math.ceil(count / (small ? 6 : 15)));
    growth.added.forEach((_, i) => i % every || chart.append(svg('text', {x: x(i), y: height - 5, 'text-anchor': 'middle'}, i * growth.step + 1)));
    return chart;
  }
  const growthWords = growth => words(growth.pattern) + ': ' + growth.adding + ' of ' + growth.rounds + ' rounds added to it, ' + number(growth.slope) + ' bytes a round';
  const log2Label = bucket => '<' + duration(Math.pow(2, bucket));
  const histogram = (counts, small) => bars(counts, counts.map((_, i) => log2Label(i)), small);

  function stackList(stack, site) {
    const list = el('ol', {start: 0, class: 'mono'});
    stack.forEach((index, i) => {
      const [name, place, inlined] = frame(index);
      list.append(el('li', {class: i === site ? 'site' : ''}, el('span', {text: name}),
        el('span', {class: 'dim', text: '  ' + place + (inlined ? '  [inlined]' : '')})));
    });
    return list;
  }
  function showLeak(leak) {
    const test = leak.test === undefined ? undefined : data.tests[leak.test];
    const detail = el('div', {id: 'detail', tabindex: -1});
    detail.append(el('h2', {text: leak.id + ': ' + counted(leak.bytes, 'byte') + ' in ' + counted(leak.blocks, 'block') + ', ' + words(leak.kind)}));
    const line = (label, text) => text && detail.append(el('p', {}, el('span', {class: 'dim', text: label + ' '}), el('span', {text})));
    line('test', test && test[0]);
    line(words(leak.verdict) + ':', leak.reason);
    line('type', leak.type && leak.type + (leak.cycle ? ', in a cycle' : ''));
    line('age', duration(leak.age_min_ms) + ' to ' + duration(leak.age_max_ms));
    if (leak.ages && leak.blocks > 1) detail.append(histogram(leak.ages, true));
    if (leak.holders) line('held by', leak.holders.join(' → '));
    line('pattern', leak.pattern);
    line('run again:', leak.recurrence);
    line('what to do:', leak.advice);
    if (leak.growth) {
      line('growth', growthWords(leak.growth));
      detail.append(growthChart(leak.growth));
    }
    detail.append(stackList(leak.stack, leak.site));
    if (leak.freed_by)
      detail.append(el('details', {}, el('summary', {text: 'other blocks from here are freed in ' + frame(leak.freed_by[leak.freed_site]).slice(0, 2).join('  ')}),
        stackList(leak.freed_by, leak.freed_site)));
    if (leak.site_allocations) {
      const never = leak.site_allocations - leak.site_frees;
      line('of this stack', number(leak.site_allocations) + ' blocks were allocated in the run, ' + number(never) + ' never freed (' +
        (100 * never / leak.site_allocations).toFixed(1) + '%)');
      if (leak.lifetimes.length) {
        line('lifetimes of those freed', ' ');
        detail.append(histogram(leak.lifetimes, true));
      }
    }
    if (test && test[8]) detail.append(el('p', {}, el('span', {class: 'dim', text: 'run just this test: '}), el('code', {text: test[8]})));
    detail.append(el('p', {class: 'dim mono', text: leak.fingerprint}));
    byId('detail')?.remove();
    byId('view').append(detail);
  }

  // --- views
  const searchText = new Map();
  function textOf(leak) {
    let text = searchText.get(leak);
    if (text === undefined) {
      text = [leak.id, testName(leak), leak.kind, leak.verdict, leak.severity, leak.fingerprint, leak.type || '',
        ...leak.stack.map(index => frame(index)[0] + ' ' + frame(index)[1])].join('\n').toLowerCase();
      searchText.set(leak, text);
    }
    return text;
  }
  function chosenLeaks() {
    const query = byId('query').value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    return data.leaks.filter(leak => (byId('all').checked || leak.verdict === 'fail') &&
      query.every(word => textOf(leak).includes(word)));
  }
  const tests = data.tests.map((row, index) => ({row, index, bytes: 0, blocks: 0}));
  for (const leak of data.leaks)
    if (leak.verdict === 'fail' && leak.test !== undefined) tests[leak.test].bytes += leak.bytes, tests[leak.test].blocks += leak.blocks;

  let grid;
  const views = {
    leaks() {
      grid = new Grid([
        {name: 'bytes', numeric: true, value: leak => leak.bytes, text: leak => number(leak.bytes)},
        {name: 'blocks', numeric: true, value: leak => leak.blocks, text: leak => number(leak.blocks)},
        {name: 'severity', value: leak => ['low', 'medium', 'high', 'critical'].indexOf(leak.severity), numeric: false, text: leak => leak.severity},
        {name: 'kind', value: leak => words(leak.kind)},
        {name: 'verdict', value: leak => leak.verdict, text: leak => words(leak.verdict) + (leak.baseline ? ' (' + leak.baseline + ')' : ''), style: leak => leak.verdict},
        {name: 'function', value: leak => siteOf(leak)[0]},
        {name: 'where', value: leak => siteOf(leak)[1]},
        {name: 'test', value: testName}],
      '7rem 5rem 5rem 8rem 8rem minmax(8rem,2fr) minmax(8rem,1.5fr) minmax(8rem,1.5fr)', [], showLeak);
      byId('view').replaceChildren(grid.node);
      grid.show(chosenLeaks());
      grid.sort(0);
      return grid.shown.length + ' of ' + data.leaks.length + ' leaks';
    },
    tests() {
      const query = byId('query').value.trim().toLowerCase();
      const rows = tests.filter(test => (byId('all').checked || test.row[1] !== 'clean') && test.row[0].toLowerCase().includes(query));
      const list = new Grid([
        {name: 'test', value: test => test.row[0]},
        {name: 'verdict', value: test => test.row[1], style: test => test.row[1] === 'leak' ? 'fail' : test.row[1]},
        {name: 'outcome', value: test => test.row[2]},
        {name: 'leaked', numeric: true, value: test => test.bytes, text: test => number(test.bytes)},
        {name: 'blocks', numeric: true, value: test => test.blocks, text: test => number(test.blocks)},
        {name: 'allocations', numeric: true, value: test => test.row[3], text: test => number(test.row[3])},
        {name: 'peak', numeric: true, value: test => test.row[4], text: test => bytes(test.row[4])},
        {name: 'time', numeric: true, value: test => test.row[5], text: test => (test.row[5] / 1000).toFixed(1) + ' ms'}],
      'minmax(12rem,3fr) 6rem 6rem 8rem 6rem 8rem 7rem 7rem', [], test => {
        byId('query').value = test.row[0];
        select('leaks');
      });
      byId('view').replaceChildren(list.node);
      list.show(rows);
      return rows.length + ' of ' + tests.length + ' tests';
    },
    flame() {
      const leaks = chosenLeaks();
      byId('view').replaceChildren(flame(leaks));
      return leaks.length + ' leaks, width is bytes';
    },
    ages() {
      const buckets = [];
      for (const leak of chosenLeaks()) {
        const ages = leak.ages || []; // an older recording tells of the oldest block alone
        if (!leak.ages) ages[Math.ceil(Math.log2(leak.age_max_ms + 1))] = leak.blocks;
        while (buckets.length < ages.length) buckets.push(0);
        ages.forEach((blocks, bucket) => buckets[bucket] += blocks);
      }
      byId('view').replaceChildren(el('p', {text: 'Blocks by their age when they were judged.'}), histogram(buckets));
      return counted(buckets.reduce((sum, blocks) => sum + blocks, 0), 'block');
    },
    growth() {
      const leaks = chosenLeaks().filter(leak => leak.growth).sort((a, b) => b.growth.slope - a.growth.slope);
      const box = el('div', {class: 'charts'});
      for (const leak of leaks.slice(0, MAX_CHARTS)) {
        const [name, place] = siteOf(leak);
        box.append(el('figure', {tabindex: 0, onclick: () => showLeak(leak), onkeydown: event => event.key === 'Enter' && showLeak(leak)},
          growthChart(leak.growth, true),
          el('figcaption', {}, el('b', {class: leak.verdict, text: name}), el('span', {class: 'dim', text: place + ' · ' + testName(leak)}),
            el('span', {text: growthWords(leak.growth)}))));
      }
      byId('view').replaceChildren(box);
      return leaks.length + ' sites in repeated tests' + (leaks.length > MAX_CHARTS ? ', the ' + MAX_CHARTS + ' steepest shown' : '');
    },
    baseline() {
      byId('view').replaceChildren(table(['state', 'test', 'site', 'accepted bytes', 'bytes', 'accepted blocks', 'blocks'], data.baseline));
      return data.baseline.length + ' rows';
    },
    suppressions() {
      byId('view').replaceChildren(table(['state', 'suppression', 'from', 'leaks', 'bytes'], data.suppressions));
      return data.suppressions.length + ' suppressions';
    },
  };
  function table(names, rows) {
    return el('table', {}, el('thead', {}, el('tr', {}, ...names.map(text => el('th', {text})))),
      el('tbody', {}, ...rows.slice(0, 2000).map(row => el('tr', {}, ...row.map(text => el('td', {text: typeof text === 'number' ? number(text) : text}))))));
  }

  // --- flame graph: a tree of callers, drawn as far as a box is worth its pixels
  function flame(leaks) {
    const root = {name: 'all', value: 0, children: new Map()};
    for (const leak of leaks) {
      root.value += leak.bytes;
      let node = root;
      for (let i = leak.stack.length; i-- > 0;) {
        let next = node.children.get(leak.stack[i]);
        if (!next) node.children.set(leak.stack[i], next = {name: frame(leak.stack[i])[0], value: 0, children: new Map()});
        next.value += leak.bytes;
        node = next;
      }
    }
    const box = el('div', {id: 'flame', role: 'group', 'aria-label': 'flame graph'});
    const draw = zoomed => {
      const nodes = [];
      let depth = 0;
      const place = (node, left, width, level) => {
        if (nodes.length >= MAX_FLAME_BOXES || width < 0.1) return;
        depth = Math.max(depth, level);
        const text = node.name + ' (' + bytes(node.value) + ', ' + (100 * node.value / (root.value || 1)).toFixed(1) + '%)';
        let hue = 0;
        for (const c of node.name) hue = (hue * 31 + c.charCodeAt(0)) % 50;
        nodes.push(el('button', {type: 'button', title: text, text: width > 2 ? node.name : '', 'aria-label': text, tabindex: width > 1 ? 0 : -1,
          style: 'left:' + left + '%;width:' + width + '%;top:' + level * FLAME_ROW + 'px;background:hsl(' + (10 + hue) + ' 85% 68%)',
          onclick: () => draw(node === zoomed ? root : node)}));
        let at = left;
        for (const child of [...node.children.values()].sort((a, b) => b.value - a.value)) {
          const share = width * child.value / (node.value || 1);
          place(child, at, share, level + 1);
          at += share;
        }
      };
      place(zoomed, 0, 100, 0);
      box.style.height = (depth + 1) * FLAME_ROW + 'px';
      box.replaceChildren(...nodes);
    };
    draw(root);
    return box;
  }

  // --- choosing a view
  const tabs = [...document.querySelectorAll('[role=tab]')];
  const has = {baseline: !!data.baseline, suppressions: !!data.suppressions, growth: data.leaks.some(leak => leak.growth)};
  for (const tab of tabs) tab.hidden = has[tab.dataset.view] === false;
  let current = 'leaks';
  function select(name) {
    current = name;
    for (const tab of tabs) {
      const is = tab.dataset.view === name;
      tab.setAttribute('aria-selected', String(is));
      tab.tabIndex = is ? 0 : -1;
    }
    byId('search').hidden = name === 'baseline' || name === 'suppressions';
    byId('count').textContent = views[name]();
  }
  tabs.forEach(tab => {
    tab.addEventListener('click', () => select(tab.dataset.view));
    tab.addEventListener('keydown', event => {
      const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
      if (!step) return;
      const seen = tabs.filter(one => !one.hidden);
      const next = seen[(seen.indexOf(tab) + step + seen.length) % seen.length];
      next.focus();
      select(next.dataset.view);
    });
  });
  let waiting;
  byId('query').addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(() => select(current), 120); });
  byId('all').addEventListener('change', () => select(current));
  document.addEventListener('keydown', event => {
    if (event.key === '/' && document.activeElement !== byId('query')) event.preventDefault(), byId('query').focus();
    if (event.key === 'Escape') byId('query').value = '', select(current);
  });
  addEventListener('resize', () => current === 'leaks' && grid.draw());
  byId('all').checked = !data.leaks.some(leak => leak.verdict === 'fail');
  select('leaks');
})();
