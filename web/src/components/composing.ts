/** Whether a key press belongs to an input method that is composing; 229 is what Safari sends for Enter. */
export function isComposing(event: { isComposing?: boolean; keyCode: number }): boolean {
  return event.isComposing === true || event.keyCode === 229;
}
