import { AvisoClient } from "aviso-feed";
import { AvisoProvider, useFeed } from "aviso-feed/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

type Order = { item?: string };

const client = new AvisoClient(import.meta.env.VITE_AVISO_URL);
const feed = new URLSearchParams(location.search).get("feed") ?? "demo";

function Orders() {
  const { records, state, behind } = useFeed<Order>(feed, { limit: 20 });
  return (
    <main>
      <p role="status">{behind > 0 ? `${behind} to come` : state.kind}</p>
      <ol>
        {records.map(({ id, data }) => (
          <li key={id}>{data.item ?? JSON.stringify(data)}</li>
        ))}
      </ol>
    </main>
  );
}

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <AvisoProvider client={client}>
      <Orders />
    </AvisoProvider>
  </StrictMode>,
);
