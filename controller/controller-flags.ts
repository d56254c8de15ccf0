/** Of Node, for a controller in an image of its own. What a pass leaves behind is garbage soon; by default Node lets much of
 *  it gather before it looks. */
export const controllerFlags = ['--max-semi-space-size=4', '--heap-growing-percent=30']
