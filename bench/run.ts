/** `npm run bench -- NAME [--runs N] [--json]`: measures, and holds each figure against its goal. */
import { globSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import type { Bench, Figure } from './figure.ts'

const names = globSync('*.ts', { cwd: import.meta.dirname })
  .map(file => basename(file, '.ts'))
  .filter(name => !['run', 'figure'].includes(name))
  .sort()
const usage = `npm run bench -- NAME [--runs N] [--minutes N] [--keys N] [--json]\n\nNAME is one of ${names.join(', ')}.\n--runs N  measure N times and give medians (5; placement-week 10)\n--minutes N  how long \`soak\` takes (60)\n--keys N  of which \`restore\` brings the state back (1000000)\n--json    for machines`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string' },
    minutes: { type: 'string', default: '60' },
    keys: { type: 'string', default: '1000000' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
})
const [name] = positionals
const given = values.runs === undefined ? undefined : Number(values.runs)
const isWrong = given !== undefined && !(Number.isInteger(given) && given > 0)
if (values.help || name === undefined || !names.includes(name) || isWrong) {
  console.error(usage)
  process.exit(values.help ? 0 : 2)
}

const [load] = loadavg() // before it: what others do on this machine
const { default: bench } = (await import(`./${name}.ts`)) as { default: Bench }
const runs = given ?? bench.runs ?? 5
const figures = await bench.run({ runs, minutes: Number(values.minutes), keys: Number(values.keys) })
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, ${process.platform}, load ${load!.toFixed(1)} before`
console.log(values.json ? JSON.stringify({ bench: bench.name, figures, runs, machine }) : tableOf(figures))
if (!values.json) console.log(`medians of ${runs} runs on ${machine}`)
process.exit(0)

function tableOf(rows: Figure[]): string {
  const table = new Table({
    head: [bench.name, 'value', 'goal', '', 'against'],
    style: { head: [], border: [] },
  })
  for (const { name: what, value, unit, goal, better, peer, ratio } of rows) {
    const verdict =
      goal === undefined ? '' : (better === 'lower' ? value <= goal : value >= goal) ? 'met' : 'missed'
    const against = peer === undefined ? '' : `${peer}: ${ratio?.toFixed(2)}×`
    table.push([
      what,
      `${round(value)} ${unit}`,
      goal === undefined ? '' : `${better === 'lower' ? '≤' : '≥'} ${goal} ${unit}`,
      verdict,
      against,
    ])
  }
  return table.toString()
}

function round(value: number) {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}
