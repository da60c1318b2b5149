using Moulage.Core;
using UnityEditor;
using UnityEngine;

namespace Moulage.Unity.Editor
{
    /// <summary>The receiver's inspector: its settings, and what the link is doing while the scene plays.</summary>
    [CustomEditor(typeof(MoulageReceiver))]
    sealed class MoulageReceiverEditor : UnityEditor.Editor
    {
        public override bool RequiresConstantRepaint() => Application.isPlaying;

        public override void OnInspectorGUI()
        {
            DrawDefaultInspector();
            if (!Application.isPlaying)
                return;
            var receiver = (MoulageReceiver)target;
            var status = receiver.Status;
            EditorGUILayout.Space();
            EditorGUILayout.LabelField("Link", EditorStyles.boldLabel);
            EditorGUILayout.LabelField("Connection", Connection(status));
            EditorGUILayout.LabelField("Revision", $"{status.ShownRevision} shown, {status.Lag} behind");
            EditorGUILayout.LabelField("Tiles pending", status.TilesPending.ToString());
            EditorGUILayout.LabelField("Received", $"{status.BytesReceived / 1048576.0:0.0} MiB in {status.TilesReceived} tiles");
            EditorGUILayout.LabelField("Per frame", $"{receiver.FrameMs:0.00} ms, at most {receiver.LongestFrameMs:0.00} ms so far");
            if (status.Detail.Length > 0)
                EditorGUILayout.HelpBox(status.Detail, status.State == LinkState.Waiting ? MessageType.Warning : MessageType.Info);
            using (new EditorGUI.DisabledScope(status.ShownRevision == 0))
                if (GUILayout.Button("Save State as Assets"))
                    StateAssets.Save(receiver);
        }

        static string Connection(LinkStatus status) =>
            status.Server.Length > 0 && status.State != LinkState.Waiting ? $"{status.State}, {status.Server}" : status.State.ToString();
    }

    /// <summary>No link outlives the code that runs it.</summary>
    [InitializeOnLoad]
    static class LinkGuard
    {
        static LinkGuard()
        {
            AssemblyReloadEvents.beforeAssemblyReload += MoulageReceiver.CloseAll;
            EditorApplication.quitting += MoulageReceiver.CloseAll;
        }
    }
}
