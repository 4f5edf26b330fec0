/** The page's looks, light and dark. */
export const STYLE = `
:root { color-scheme: light dark; --back: #fff; --fore: #1c2330; --soft: #5b6676; --edge: #d9dee6; --panel: #f5f7fa;
  --size: #1668c7; --target: #7b4fc9; --demand: #f3c98b; --resident: #2a8f6a; --harm: #d0312d; --light: 62%; }
@media (prefers-color-scheme: dark) { :root { --back: #11151c; --fore: #e6eaf0; --soft: #98a3b3; --edge: #2b3340; --panel: #191f29;
  --size: #5aa7ff; --target: #b592ff; --demand: #7a5a26; --resident: #4ccb9c; --harm: #ff6b66; --light: 45%; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 76rem; background: var(--back); color: var(--fore); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { max-width: 50rem; } .soft { color: var(--soft); }
.scores { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .45rem; font-size: .88rem; text-align: right; border-bottom: 1px solid var(--edge); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 600; }
td.bad { color: var(--harm); font-weight: 600; } td.best { font-weight: 700; }
details { border: 1px solid var(--edge); border-radius: 8px; margin: .8rem 0; padding: .4rem 1rem; }
summary { cursor: pointer; font-weight: 600; } summary span { color: var(--soft); font-weight: 400; }
.wide { margin-bottom: .6rem; } .guests { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: .8rem; }
figure { margin: 0; padding: .4rem; background: var(--panel); border-radius: 6px; } figure.hurt { outline: 1px solid var(--harm); }
figcaption { font-size: .85rem; font-weight: 600; }
svg { width: 100%; height: auto; display: block; } .tick { font-size: 9px; fill: var(--soft); } .grid { stroke: var(--edge); stroke-width: .5; }
polyline { fill: none; stroke-width: 1.2; } .size { stroke: var(--size); stroke-width: 1.8; } .target { stroke: var(--target); stroke-dasharray: 3 2; }
.resident { stroke: var(--resident); } .demand { fill: var(--demand); opacity: .8; } .harm { fill: var(--harm); }
.layer { fill: hsl(var(--hue) 55% var(--light)); } .capacity { stroke: var(--fore); stroke-dasharray: 6 3; stroke-width: 1.5; }
ul.summary { max-width: 52rem; padding-left: 1.2em; } .summary li:first-child { font-weight: 600; }
.legend .dash { background: none; height: 0; border-top: 2px dashed var(--fore); vertical-align: middle; } .legend span { margin-right: 1.2rem; white-space: nowrap; } .legend i { display: inline-block; width: 1.4em; height: .6em; margin-right: .4em; vertical-align: baseline; }
#tip { position: fixed; pointer-events: none; background: var(--back); color: var(--fore); border: 1px solid var(--edge); border-radius: 6px;
  padding: .35rem .6rem; font-size: .8rem; white-space: pre; box-shadow: 0 2px 8px #0003; display: none; z-index: 1; }
/* Scaled down to a telephone's width, nobody could read what stands at the axes. */
@media (max-width: 44rem) { .wide { overflow-x: auto; } .wide svg { min-width: 40rem; } }
@media print { details > *, details:not([open]) > * { display: block; } #tip { display: none !important; } }
`;
