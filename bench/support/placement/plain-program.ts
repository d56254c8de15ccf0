import { compile, placementOf } from '../../../controller/placement/compiled.ts'
import type { Instance, Placement } from '../../../controller/placement/instance.ts'
import type { LinearProgram } from '../../../controller/placement/linear-program.ts'
import { programOf } from '../../../controller/placement/program.ts'
import { sitesOf } from '../../../controller/placement/sites.ts'

/** Programs of more entries are out of memory in WebAssembly before they are solved. */
const maxEntries = 5_000_000

/** The program with a whole number for each item and node, nothing closed. @returns undefined where it is too large */
export function plainProgram(
  instance: Instance,
): { program: LinearProgram; placement(values: Float64Array): Placement } | undefined {
  const model = compile(instance)
  const sites = sitesOf(model, true)
  const open = Uint8Array.from(sites.cost, cost => (cost < Number.POSITIVE_INFINITY ? 1 : 0))
  const whole = programOf(model, sites, open, { maxEntries })
  return (
    whole && {
      program: whole.program,
      placement: values =>
        placementOf(
          model,
          whole.choices.map(
            own => own.reduce((a, b) => (values[b.column]! > values[a.column]! ? b : a)).site,
          ),
        ),
    }
  )
}
