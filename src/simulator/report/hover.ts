/**
 * What the page does under the pointer: it says what was so at that moment and what had been decided. The figures lie in the page as
 * JSON; amounts are MiB. Without the script everything else of the page is there.
 */
export const HOVER = `
const runs = JSON.parse(document.getElementById('runs').textContent);
const tip = document.getElementById('tip');
const size = mib => mib >= 1024 ? (mib / 1024).toFixed(2) + ' GiB' : Math.round(mib) + ' MiB';
const clock = s => { const d = Math.floor(s / 86400), p = n => String(n).padStart(2, '0');
  return (d ? d + 'd ' : '') + p(Math.floor(s / 3600) % 24) + ':' + p(Math.floor(s / 60) % 60) + ':' + p(Math.floor(s) % 60); };
document.addEventListener('pointermove', event => {
  const chart = event.target.closest && event.target.closest('svg[data-run]');
  if (!chart) { tip.style.display = 'none'; return; }
  const run = runs[chart.dataset.run], box = chart.getBoundingClientRect(), view = chart.viewBox.baseVal;
  const left = Number(chart.dataset.left), x = (event.clientX - box.left) / box.width * view.width;
  const share = Math.min(1, Math.max(0, (x - left) / (view.width - left)));
  const first = run.times[0], last = run.times[run.times.length - 1], time = first + share * (last - first);
  let at = 0;
  while (at + 1 < run.times.length && Math.abs(run.times[at + 1] - time) <= Math.abs(run.times[at] - time)) at++;
  const guest = run.guests[chart.dataset.guest];
  const lines = [clock(run.times[at])];
  if (guest) {
    lines.push('size ' + size(guest.size[at]), 'target ' + size(guest.target[at]), 'wanted ' + size(guest.demand[at]), 'resident ' + size(guest.resident[at]));
    const note = guest.notes.filter(entry => entry[0] <= at).pop();
    if (note) lines.push(note[1]);
    const mark = guest.harm.find(one => one[0] === at) || guest.harm.find(one => Math.abs(one[0] - at) === 1);
    if (mark) lines.push(mark[1].toFixed(1) + ' s lost' + (mark[2] ? ', ' + mark[2] + ' OOM kills' : ''));
  } else {
    lines.push('guests hold ' + size(run.guests.reduce((sum, each) => sum + each.resident[at], 0)), 'there is ' + size(run.capacity[at]));
    const layer = event.target.matches('.layer') && event.target.querySelector('title');
    const one = layer && run.guests[event.target.dataset.guest];
    if (layer) lines.push(layer.textContent + (one ? ' ' + size(one.resident[at]) : ''));
  }
  tip.textContent = lines.join('\\n');
  tip.style.display = 'block';
  tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + 'px';
  tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8) + 'px';
});
`;
