import type { HistoryEntry, Inventory } from './inventory.ts'

const maxEntries = 10

/** Writes what became of a revision into the newest entry, or begins one. */
export function recordHistory(
  { history }: Inventory,
  {
    revision,
    result,
    message,
    built = [],
  }: Pick<HistoryEntry, 'revision' | 'result' | 'message'> & { built?: string[] },
  now: Date,
): void {
  const last = history.at(-1)
  const known = history.findLast(entry => entry.revision === revision)
  // A restart of the controller finds it well, behind revisions that were refused: that is no news.
  if (result === 'Succeeded' && known?.result === 'Succeeded' && known !== last) return
  if (last?.revision === revision) {
    // Looked at again after a restart of the controller: that is no news.
    if (result === 'Progressing' && built.length === 0) return
    Object.assign(last, { result, message, built: [...new Set([...last.built, ...built])] })
    return
  }
  if (last?.result === 'Progressing')
    Object.assign(last, { result: 'Superseded', message: `${revision} came` })
  history.push({ revision, at: now.toISOString(), result, message, built, applied: [] })
  history.splice(0, history.length - maxEntries)
}
