import { fileURLToPath } from 'node:url'

// Bundled, all of ours is one file, `host.mjs`; otherwise one folder.
const here = import.meta.url.endsWith('.mjs') ? import.meta.url : new URL('.', import.meta.url).href
const ours = [here, fileURLToPath(here)]
/** Calls that lie between a user's frames or below them, and say nothing by themselves. */
const between = /[( ]node:|<anonymous>/

/** A stack that ends with the last frame of the user; frames of the host, which nobody can mend, are left out. */
export function userStack(stack: string): string {
  const lines = stack.split('\n').filter(line => !isFrame(line) || !ours.some(path => line.includes(path)))
  const last = lines.findLastIndex(line => !isFrame(line) || !between.test(line))
  return lines.slice(0, last + 1).join('\n')
}

const isFrame = (line: string) => /^\s+at /.test(line)
