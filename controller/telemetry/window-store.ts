import { renameSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Logger } from 'pino'
import { mergeWindows, type Window } from './window.ts'

/** Windows are kept as they were closed, and as longer ones for longer. */
const levels = [
  { lengthMs: 10_000, kept: 180 },
  { lengthMs: 60_000, kept: 360 },
  { lengthMs: 600_000, kept: 1_008 },
] as const

const version = 2
const defaultMaxBytes = 64 * 1024 * 1024
const maxBytesInMemory = 16 * 1024 * 1024

/** What was measured, on disk: half an hour by ten seconds, six hours by the minute, a week by ten minutes. Each write is
 *  all or nothing, whatever ends the process. */
export class WindowStore {
  #database: DatabaseSync
  #maxBytes: number

  /** What can't be read is put aside, and begun anew; where nothing can be written, it is in memory alone. */
  static open(path: string, log: Logger, maxBytes = defaultMaxBytes): WindowStore {
    try {
      return new WindowStore(path, maxBytes)
    } catch (err) {
      log.warn({ err, path }, 'telemetry cannot be read, and begins anew')
    }
    try {
      renameSync(path, `${path}.unreadable`)
      rmSync(`${path}-journal`, { force: true })
      return new WindowStore(path, maxBytes)
    } catch (err) {
      log.warn({ err, path }, 'telemetry is kept in memory alone')
      return new WindowStore(':memory:', Math.min(maxBytes, maxBytesInMemory))
    }
  }

  private constructor(path: string, maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#database = new DatabaseSync(path)
    try {
      this.#database.exec(
        'PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -512',
      )
      const [[found]] = this.#all<{ user_version: number }>('PRAGMA user_version').map(Object.values) as [
        [number],
      ]
      if (found !== version && found !== 0) throw new Error(`it is of version ${found}`)
      this.#database.exec(`CREATE TABLE IF NOT EXISTS windows (
          flow TEXT, level INTEGER, start INTEGER, end INTEGER, document BLOB, PRIMARY KEY (flow, level, start)) WITHOUT ROWID;
        PRAGMA user_version = ${version}`)
      const [check] = this.#all<{ quick_check: string }>('PRAGMA quick_check(1)')
      if (check?.quick_check !== 'ok') throw new Error(check?.quick_check ?? 'it is damaged')
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  /** @throws when the disk is full, or may not be written to; nothing has changed then */
  append(windows: Iterable<[flow: string, window: Window]>): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      for (const [flow, window] of windows) {
        this.#put(flow, 0, window)
        for (const level of [1, 2]) this.#rollUp(flow, level, window.start)
        this.#prune(flow)
      }
      this.#shrink()
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** Each time once, as fine as it is known, oldest first; read one by one, since all of a week may be much.
   *  @param since ms since the epoch: those that end later */
  *read(flow: string, since: number): Generator<Window> {
    for (const [level, start] of this.#timesOf(flow, since)) {
      // What has become too old meanwhile is gone.
      const [found] = this.#all<{ document: Uint8Array }>(
        'SELECT document FROM windows WHERE flow = ? AND level = ? AND start = ?',
        ...[flow, level, start],
      )
      if (found) yield windowIn(found)
    }
  }

  #timesOf(flow: string, since: number): [level: number, start: number][] {
    let until = Number.MAX_SAFE_INTEGER
    const times: [level: number, start: number][] = []
    for (const level of levels.keys()) {
      const found = this.#all<{ start: number }>(
        'SELECT start FROM windows WHERE flow = ? AND level = ? AND end > ? AND end <= ? ORDER BY start',
        ...[flow, level, Math.floor(since), until],
      )
      times.unshift(...found.map(({ start }) => [level, start] as [number, number]))
      until = Math.min(until, found[0]?.start ?? until)
    }
    return times
  }

  forget(flow: string): void {
    this.#database.prepare('DELETE FROM windows WHERE flow = ?').run(flow)
  }

  close(): void {
    this.#database.close()
  }

  #put(flow: string, level: number, window: Window) {
    const document = deflateRawSync(JSON.stringify(window), { level: 1 })
    this.#database
      .prepare('INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?, ?)')
      .run(flow, level, Math.round(window.start), Math.round(window.start + window.lengthMs), document)
  }

  /** Makes of what is finer those windows of a level that are over. */
  #rollUp(flow: string, level: number, now: number) {
    const { lengthMs } = levels[level]!
    const [last] = this.#all<{ start: number | null }>(
      'SELECT max(start) AS start FROM windows WHERE flow = ? AND level = ?',
      flow,
      level,
    )
    const from = last?.start == null ? 0 : (Math.floor(last.start / lengthMs) + 1) * lengthMs
    const until = Math.floor(now / lengthMs) * lengthMs
    if (until <= from) return
    const spans = new Map<number, Window>()
    for (const window of this.#read(flow, level - 1, from)) {
      if (window.start >= until) break
      const span = Math.floor(window.start / lengthMs)
      const before = spans.get(span)
      spans.set(span, before ? mergeWindows(before, window) : window)
    }
    for (const window of spans.values()) this.#put(flow, level, window)
  }

  #prune(flow: string) {
    for (const [level, { kept }] of levels.entries()) {
      this.#database
        .prepare(
          `DELETE FROM windows WHERE flow = ?1 AND level = ?2 AND start <
            (SELECT start FROM windows WHERE flow = ?1 AND level = ?2 ORDER BY start DESC LIMIT 1 OFFSET ${kept - 1})`,
        )
        .run(flow, level)
    }
  }

  /** The oldest go first, whosever they are. */
  #shrink() {
    while (this.#bytes() > this.#maxBytes) {
      const { changes } = this.#database
        .prepare(
          `DELETE FROM windows WHERE (flow, level, start) IN
            (SELECT flow, level, start FROM windows ORDER BY start LIMIT 32)`,
        )
        .run()
      if (changes === 0) return
    }
  }

  /** Of the file, those that are free for what comes next left out. */
  #bytes(): number {
    const of = (pragma: string) =>
      Object.values(this.#all<Record<string, number>>(`PRAGMA ${pragma}`)[0]!)[0]!
    return (of('page_count') - of('freelist_count')) * of('page_size')
  }

  #read(flow: string, level: number, from: number): Window[] {
    return this.#all<{ document: Uint8Array }>(
      'SELECT document FROM windows WHERE flow = ? AND level = ? AND start >= ? ORDER BY start',
      flow,
      level,
      from,
    ).map(windowIn)
  }

  #all<T>(sql: string, ...values: (string | number)[]): T[] {
    return this.#database.prepare(sql).all(...values) as T[]
  }
}

const windowIn = ({ document }: { document: Uint8Array }) =>
  JSON.parse(inflateRawSync(document).toString()) as Window
