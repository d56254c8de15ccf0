#!/usr/bin/env node
// Plain JavaScript that Node 20 can read: it hands over to a Node that runs TypeScript. As a package, all is JavaScript.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const compiled = new URL('./main.js', import.meta.url)
const main = existsSync(compiled) ? compiled : new URL('./main.ts', import.meta.url)

const [major] = process.versions.node.split('.')
if (Number(major) >= 24) {
  module.enableCompileCache() // saves half of the time to start
  await import(main.href)
} else runIn(bundledNode())

/** The binary that the `node` package brought along, whatever Node the machine has. */
function bundledNode() {
  try {
    const binary = createRequire(import.meta.url).resolve('node/bin/node')
    if (existsSync(binary)) return binary
  } catch {
    // Not installed, or its install script was not allowed to run.
  }
  const home = fileURLToPath(new URL('..', import.meta.url))
  const install = /[\\/]node_modules[\\/]/.test(home)
    ? 'add `"allowScripts": { "node": true }` to package.json and run `npm install --save-dev node@24`'
    : `run \`npm install\` in ${home}`
  console.error(
    `error: Dyninka needs Node 24 or later, and this is ${process.version}.\n` +
      `  hint: ${install}, which brings one, or install a newer Node.`,
  )
  process.exit(1)
}

function runIn(node) {
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'), ...process.env },
  })
  // A terminal sends Ctrl-C to both; `kill` reaches only this one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
