/** The page's drawings. Decoration only: whoever uses one names it in words beside it. */

import { html, svg, type TemplateResult } from "lit";

function icon(drawing: TemplateResult): TemplateResult {
  return html`<svg
    class="icon"
    viewBox="0 0 20 20"
    width="20"
    height="20"
    fill="none"
    stroke="currentColor"
    stroke-width="1.6"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    ${drawing}
  </svg>`;
}

export const pauseIcon = icon(svg`<path d="M7.25 5v10M12.75 5v10" />`);
export const playIcon = icon(svg`<path d="M6.5 4.6v10.8L15.4 10z" />`);
export const plusIcon = icon(svg`<path d="M10 4.5v11M4.5 10h11" />`);
export const closeIcon = icon(svg`<path d="m5.5 5.5 9 9m0-9-9 9" />`);
export const menuIcon = icon(svg`<path d="M3.5 6.5h13M3.5 13.5h13" />`);
export const upIcon = icon(svg`<path d="M10 15.5v-11M5.5 9 10 4.5 14.5 9" />`);
export const lockIcon = icon(
  svg`<rect x="5" y="9" width="10" height="7" rx="2" /><path d="M7 9V7a3 3 0 0 1 6 0v2" />`,
);
export const bracesIcon = icon(
  svg`<path d="M8 4.5H7A1.8 1.8 0 0 0 5.2 6.3v1.9A1.8 1.8 0 0 1 3.5 10a1.8 1.8 0 0 1 1.7 1.8v1.9A1.8 1.8 0 0 0 7 15.5h1M12 4.5h1a1.8 1.8 0 0 1 1.8 1.8v1.9a1.8 1.8 0 0 0 1.7 1.8 1.8 1.8 0 0 0-1.7 1.8v1.9a1.8 1.8 0 0 1-1.8 1.8h-1" />`,
);
export const copyIcon = icon(
  svg`<rect x="7.5" y="7.5" width="8.5" height="8.5" rx="2" /><path d="M12.5 5.2A1.7 1.7 0 0 0 11 4H5.7A1.7 1.7 0 0 0 4 5.7V11a1.7 1.7 0 0 0 1.2 1.5" />`,
);
const BELL = "M5 13.5c1-1 1.5-2 1.5-5a3.5 3.5 0 0 1 7 0c0 3 .5 4 1.5 5zM8.8 16h2.4";
export const bellIcon = icon(svg`<path d=${BELL} />`);
export const bellOffIcon = icon(svg`<path d=${BELL} /><path d="m4 4 12 12" />`);
export const alertIcon = icon(
  svg`<path d="M3.5 8.5v3h2.6L10 14.8V5.2L6.1 8.5zM12.8 7.6a3.4 3.4 0 0 1 0 4.8" />`,
);
export const alertOnIcon = icon(
  svg`<path d="M3.5 8.5v3h2.6L10 14.8V5.2L6.1 8.5zM12.8 7.6a3.4 3.4 0 0 1 0 4.8M15 5.4a6.5 6.5 0 0 1 0 9.2" />`,
);
export const pinIcon = icon(svg`<path d="M7 3.5h6M8 3.5v4.6L5.8 11.5h8.4L12 8.1V3.5M10 11.5v5" />`);
export const searchIcon = icon(
  svg`<circle cx="9" cy="9" r="4.8" /><path d="m12.6 12.6 3.6 3.6" />`,
);
export const filterIcon = icon(svg`<path d="M3.5 5.5h13M6 10h8M8.5 14.5h3" />`);
export const cardsIcon = icon(
  svg`<rect x="4" y="4" width="12" height="5" rx="1.5" /><rect x="4" y="11.5" width="12" height="5" rx="1.5" />`,
);
export const tableIcon = icon(
  svg`<rect x="3.5" y="4.5" width="13" height="11" rx="1.5" /><path d="M3.5 8.5h13M8.5 8.5v7" />`,
);
export const columnsIcon = icon(
  svg`<rect x="3.5" y="4.5" width="13" height="11" rx="1.5" /><path d="M8 4.5v11M12.2 4.5v11" />`,
);
export const rowsIcon = icon(svg`<path d="M4 5.5h12M4 8.5h12M4 11.5h12M4 14.5h12" />`);
export const clockIcon = icon(
  svg`<circle cx="10" cy="10" r="6.5" /><path d="M10 6.25V10l2.5 1.75" />`,
);
export const downloadIcon = icon(svg`<path d="M10 4v8.5M6.2 9.2 10 13l3.8-3.8M4.5 16h11" />`);
export const linkIcon = icon(
  svg`<path d="M8.6 11.4a2.6 2.6 0 0 0 3.7 0l2.6-2.6a2.6 2.6 0 0 0-3.7-3.7L10.3 6M11.4 8.6a2.6 2.6 0 0 0-3.7 0l-2.6 2.6a2.6 2.6 0 0 0 3.7 3.7l.9-.9" />`,
);
export const backIcon = icon(svg`<path d="M15.5 10h-11M9 5.5 4.5 10 9 14.5" />`);
export const checkIcon = icon(svg`<path d="m4.5 10.5 3.7 3.7 7.3-8" />`);
export const warningIcon = icon(
  svg`<path d="M10 4 3.2 15.5h13.6zM10 8.8v3" /><path d="M10 13.7v.01" />`,
);
export const sunIcon = icon(
  svg`<circle cx="10" cy="10" r="3.2" /><path d="M10 2.8v1.6M10 15.6v1.6M2.8 10h1.6M15.6 10h1.6M4.9 4.9 6 6M14 14l1.1 1.1M4.9 15.1 6 14M14 6l1.1-1.1" />`,
);
export const moonIcon = icon(svg`<path d="M16 11.6A6.4 6.4 0 1 1 8.4 4a5 5 0 0 0 7.6 7.6z" />`);
export const systemIcon = icon(
  svg`<rect x="3.5" y="4.5" width="13" height="9" rx="1.8" /><path d="M8 16.2h4" />`,
);
export const personIcon = icon(
  svg`<circle cx="10" cy="7.2" r="3" /><path d="M4.5 16c.7-2.9 2.8-4.3 5.5-4.3s4.8 1.4 5.5 4.3" />`,
);

/** The mark of Aviso: a peak, and the point that it points out. */
export const mark = html`<svg class="mark" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false">
  <rect class="mark-ground" width="32" height="32" rx="9" />
  <path class="mark-peak" d="M8 22.5 16 8.5l8 14" />
  <circle class="mark-point" cx="16" cy="21.6" r="2.5" />
</svg>`;
