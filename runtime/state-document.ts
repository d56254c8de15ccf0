import type { Progress } from './cursor.ts'
import type { Parking } from './parking.ts'
import type { Seq } from './record-id.ts'

/** Records: by lane and origin, as a path (`originAfter`), the last one. */
export type Records = Record<string, Seq>

/** The retained document at `topics.state`: one key. */
export interface StateDocument {
  v: 1
  /** The record that made this key, if it was newer than the cursor of that time. */
  born: Records
  /** Records that it includes, as far as they were newer than the cursor of that time. */
  includes: Records
  /** Absent, with no timer and nothing that waits: the key was deleted. */
  value?: unknown
  /** The instant of the key's timer, ms since the epoch. */
  timer?: number
  /** Records that wait for an attempt. */
  retry?: Parking
}

/** What is known of a document without its values. */
export type Stored = Pick<StateDocument, 'born' | 'includes'> & { deleted: boolean }

/** Values of one key; all undefined: there is no such key. */
export interface Values {
  json: string | undefined
  timer: number | undefined
  retry: Parking | undefined
}

export const isAbsent = ({ json, timer, retry }: Values) =>
  json === undefined && timer === undefined && retry === undefined

/** As it is stored. */
export function print({ born, includes }: Omit<Stored, 'deleted'>, { json, timer, retry }: Values): string {
  const at = timer === undefined ? '' : `,"timer":${timer}`
  const waiting = retry === undefined ? '' : `,"retry":${JSON.stringify(retry)}`
  const value = json === undefined ? '' : `,"value":${json}`
  return `{"v":1,"born":${JSON.stringify(born)},"includes":${JSON.stringify(includes)}${at}${waiting}${value}}`
}

export const isEmpty = (records: Records) => Object.keys(records).length === 0

export const newer = (records: Records, progress: Progress): Records =>
  Object.fromEntries(Object.entries(records).filter(([path, seq]) => !progress.covers(path, seq)))

/** Not what a commit without cursor has added; and of what was deleted, only what such a commit has. */
export const isCounted = ({ born, includes, deleted }: Stored, progress: Progress) =>
  isEmpty(newer(born, progress)) && (!deleted || !isEmpty(newer(includes, progress)))

/** Deleted, as the cursor says: the document is only still to be cleared, and no restore needs it. */
export const isGone = ({ includes, deleted }: Stored, progress: Progress) =>
  deleted && isEmpty(newer(includes, progress))

/** Of a key of which all is in the cursor. */
export const settled: Stored = { born: {}, includes: {}, deleted: false }

/** Nothing of it is newer than the cursor, nor is it to be cleared. */
export const isSettled = ({ born, includes, deleted }: Stored, progress: Progress) =>
  !deleted && isEmpty(newer(born, progress)) && isEmpty(newer(includes, progress))
