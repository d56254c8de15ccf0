import type { Draft } from '../draft.ts'
import type { Finding } from '../finding.ts'
import { didYouMean } from '../suggest.ts'
import { below } from '../yaml-document.ts'

/** A variable comes from one place, and a secret is set where the controller runs. */
export function environment(draft: Draft, secrets: ReadonlySet<string> | undefined): Finding[] {
  return draft.functions.flatMap(({ spec, pointer }) =>
    (spec.secrets ?? []).flatMap((name, index) => {
      if (name === undefined) return []
      const place = below(pointer, 'secrets', index)
      if (Object.hasOwn(spec.env ?? {}, name)) {
        const message = `\`${name}\` is in env and in secrets.`
        return draft.at(
          place,
          'env-and-secret',
          message,
          'Keep it in one of the two: in secrets if it must not be in Git.',
        )
      }
      if (secrets && !secrets.has(name)) {
        const hint = didYouMean(
          name,
          [...secrets],
          `Give it to the controller as DYNINKA_SECRET_${name} or in its --secrets file, or take it out of this list.`,
        )
        return draft.at(place, 'secret-not-set', `The secret \`${name}\` is not set.`, hint)
      }
      return []
    }),
  )
}
