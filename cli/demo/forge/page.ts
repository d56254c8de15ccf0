import { escaped, markdown } from './markdown.ts'
import type { Pull } from './pull-requests.ts'
import type { SetStatus } from './statuses.ts'

/** The page of a pull request, as HTML; it comes anew by itself. Pure. @param diff unified */
export function pullPage(
  { repository, number, title, body, state, isMerged, branch, base, labels, comments }: Pull,
  diff: string,
  statuses: readonly SetStatus[],
): string {
  const word = isMerged ? 'Merged' : state === 'open' ? 'Open' : 'Closed'
  const merge = `<form method="post" action="/${repository}/pulls/${number}/merge"><button>Merge pull request</button></form>`
  const newest = new Map(statuses.map(status => [`${status.commit} ${status.context}`, status]))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="3">
<title>${escaped(title)} · #${number}</title>
<style>${style}</style>
</head>
<body>
<header>${escaped(repository)} · the forge of <code>dyninka demo</code>, on this machine alone</header>
<h1>${escaped(title)} <span class="number">#${number}</span></h1>
<p><span class="state ${word.toLowerCase()}">${word}</span>
 one commit from <code>${escaped(branch)}</code> into <code>${escaped(base)}</code>
 ${labels.map(label => `<span class="label">${escaped(label)}</span>`).join(' ')}</p>
<article>${markdown(body)}</article>
<h2>Files changed</h2>
<pre class="diff">${diffLines(diff)}</pre>
${state === 'open' ? merge : ''}
${comments.map(comment => `<article class="comment">${markdown(comment)}</article>`).join('\n')}
<h2>Commit statuses</h2>
<ul>${[...newest.values()]
    .map(
      ({ commit, context, state, description }) =>
        `<li><code>${commit.slice(0, 7)}</code> ${escaped(context)}: <b>${escaped(state)}</b>, ${escaped(description ?? '')}</li>`,
    )
    .join('')}</ul>
</body>
</html>
`
}

const diffLines = (diff: string) =>
  diff
    .split('\n')
    .filter(line => !/^(diff|index|@@|---|\+\+\+) /.test(line))
    .map(line => {
      const kind = line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : 'same'
      return `<span class="${kind}">${escaped(line)}</span>`
    })
    .join('\n')

const style = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 1.5rem auto; padding: 0 1rem; color: #1f2328 }
p, ul { max-width: 60rem } a { color: #0969da }
header, .number { color: #656d76 }
h1 { font-size: 1.5rem; margin: .5rem 0 } h1 .number { font-weight: 400 } h2 { font-size: 1.1rem } h3 { font-size: 1rem }
article, .diff { border: 1px solid #d0d7de; border-radius: 6px; padding: .5rem 1rem; margin: 1rem 0 }
.comment { background: #f0fff4; border-color: #7fd29a }
table { border-collapse: collapse; margin: .5rem 0; font-size: .85rem; display: block; overflow-x: auto }
td, th { border: 1px solid #d0d7de; padding: .2rem .6rem; text-align: left }
code, pre { font: .85rem ui-monospace, monospace } code { background: #eff1f3; border-radius: 4px; padding: .1rem .3rem }
pre { overflow-x: auto }
.state { color: #fff; border-radius: 1rem; padding: .2rem .8rem } .open { background: #1a7f37 } .merged { background: #8250df }
.closed { background: #cf222e } .label { background: #ddf4ff; border-radius: 1rem; padding: .1rem .6rem }
.added { background: #e6ffec } .removed { background: #ffebe9 } .same { color: #656d76 }
button { font: inherit; color: #fff; background: #1f883d; border: 0; border-radius: 6px; padding: .4rem 1rem; cursor: pointer }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif }
svg .zone { fill: #f6f8fa; stroke: #d0d7de } svg text.zone { fill: #656d76; stroke: none; font-weight: 600 }
svg .box { fill: #fff; stroke: #57606a } svg .moved { stroke: #8250df; stroke-width: 3 }
svg .edge { fill: none; stroke: #57606a } svg .rate { fill: #656d76; font-size: 10px }
`
