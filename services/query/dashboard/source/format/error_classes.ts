/** Why tool calls failed, in words. A tracker may have rules of its own: their names are shown as they are. */

import terms from "./terms";

const CLASSES: Record<string, { label: string; definition: string }> = terms.error_classes;

export function errorClassLabel(name: string): string {
  return CLASSES[name]?.label ?? name.replaceAll("_", " ");
}

export function errorClassDefinition(name: string): string {
  return CLASSES[name]?.definition ?? "This tracker has a rule of its own for it.";
}
