/** A component that is drawn again only if one of its properties is another one. */

import { Component, type ComponentType, createElement } from "preact";

export function memo<P extends object>(of: ComponentType<P>): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const before = this.props as Record<string, unknown>;
      const after = next as Record<string, unknown>;
      return Object.keys({ ...before, ...after }).some((name) => before[name] !== after[name]);
    }

    override render() {
      return createElement(of, this.props as P);
    }
  };
}
