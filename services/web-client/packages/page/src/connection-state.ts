/** `<connection-state>`: the state in a word, a colour and a shape, and how it is connected. */

import { html, nothing, type TemplateResult } from "lit";
import { stateHint, stateText } from "./connection";
import type { FeedState, Transport } from "./library";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";

export class ConnectionState extends LightElement {
  static override properties = {
    state: { attribute: false },
    transport: { attribute: false },
    reading: { attribute: false },
  };
  declare state: FeedState;
  declare transport: Transport | null;
  declare reading: Reading;

  override render(): TemplateResult {
    const { state } = this;
    const { t } = this.reading;
    const isConnected = state.kind === "live" || state.kind === "catching-up";
    return html`
      <div class="state" data-connection-state=${state.kind}>
        <span class="state-dot" aria-hidden="true"></span>
        <span role="status" title=${stateHint(state, t)}
          ><span class="visually-hidden">${t("stateLabel")}: </span>${stateText(state, t)}</span
        >
        ${isConnected ? this.#transport() : nothing}
      </div>
    `;
  }

  #transport(): TemplateResult | typeof nothing {
    if (this.transport === null) return nothing;
    const { t } = this.reading;
    const transport = t(this.transport === "websocket" ? "transportWebSocket" : "transportBosh");
    return html`<span class="state-transport" title=${t("transportTitle", { transport })}
      >${transport}</span
    >`;
  }
}

customElements.define("connection-state", ConnectionState);
