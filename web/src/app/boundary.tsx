/** Keeps the shell alive when a screen fails, and says what failed. */
import { Component, type ReactNode } from "react";
import { Note } from "../components/basic";

export class Boundary extends Component<{ title: string; children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <Note tone="bad" title={this.props.title}>
        <code>{error.message}</code>
      </Note>
    );
  }
}
