import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Navigate, Route, Routes } from 'react-router';
import { api } from './api/client.ts';
import { LiveStore, useLiveState } from './api/live.ts';
import type { Session } from './api/types.ts';
import { Frame } from './frame.tsx';
import { useLanguage } from './i18n/language.tsx';
import { Accounts } from './pages/accounts.tsx';
import { Configuration } from './pages/configuration.tsx';
import { Events } from './pages/events.tsx';
import { Groups } from './pages/groups.tsx';
import { LogIn } from './pages/log-in.tsx';
import { Nodes } from './pages/nodes.tsx';
import { Overview } from './pages/overview.tsx';
import { Volume } from './pages/volume.tsx';
import { Volumes } from './pages/volumes.tsx';
import { ClusterProvider } from './parts/cluster-context.tsx';
import { Logo } from './parts/icon.tsx';
import { ExportWizard } from './wizards/export-wizard.tsx';
import { FencingWizard } from './wizards/fencing-wizard.tsx';
import { HeartbeatDiskWizard } from './wizards/heartbeat-disk-wizard.tsx';
import { PairWizard } from './wizards/pair-wizard.tsx';
import { RulesWizard } from './wizards/rules-wizard.tsx';
import { ServerWizard } from './wizards/server-wizard.tsx';
import { ServiceWizard } from './wizards/service-wizard.tsx';
import { VolumeWizard } from './wizards/volume-wizard.tsx';

export function App() {
  const { t } = useLanguage();
  const { data: session, error } = useQuery({
    queryKey: ['session'],
    queryFn: api.session,
    refetchInterval: 60_000,
  });
  if (session === null) return <LogIn />;
  if (session === undefined) return <Splash text={error ? t.cannotReach : t.loading} />;
  return <LoggedIn session={session} />;
}

function LoggedIn({ session }: { session: Session }) {
  const { t } = useLanguage();
  const queries = useQueryClient();
  const [store] = useState(
    () => new LiveStore(() => void queries.invalidateQueries({ queryKey: ['session'] })),
  );
  const { status, events, connected } = useLiveState(store);
  if (status === null) return <Splash text={t.loading} />;
  return (
    <ClusterProvider value={{ status, events, session, mayOrder: session.role !== 'viewer' }}>
      <Frame connected={connected}>
        <Routes>
          <Route index element={<Overview />} />
          <Route path="groups" element={<Groups />} />
          <Route path="volumes" element={<Volumes />} />
          <Route path="volumes/:name" element={<Volume />} />
          <Route path="nodes" element={<Nodes />} />
          <Route path="events" element={<Events />} />
          <Route path="configuration" element={<Configuration />} />
          {session.role === 'admin' && (
            <>
              <Route path="accounts" element={<Accounts />} />
              <Route path="new/service" element={<ServiceWizard />} />
              <Route path="new/volume" element={<VolumeWizard />} />
              <Route path="new/server" element={<ServerWizard />} />
              <Route path="new/pair" element={<PairWizard />} />
              <Route path="new/heartbeat-disk" element={<HeartbeatDiskWizard />} />
              <Route path="volumes/:name/exports" element={<ExportWizard />} />
              <Route path="groups/:name/rules" element={<RulesWizard />} />
              <Route path="nodes/:name/fencing" element={<FencingWizard />} />
            </>
          )}
          <Route path="*" element={<Navigate to="/" replace />} />
        </Routes>
      </Frame>
    </ClusterProvider>
  );
}

function Splash({ text }: { text: string }) {
  return (
    <main className="splash">
      <Logo size={48} />
      <p className="muted">{text}</p>
    </main>
  );
}
