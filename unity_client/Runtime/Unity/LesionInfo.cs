using System;
using Moulage.Core;
using UnityEngine;
using UnityEngine.Events;

namespace Moulage.Unity
{
    /// <summary>What a scene can know of a lesion.</summary>
    public struct LesionInfo
    {
        readonly Lesion _lesion;
        readonly Texture _closeUp;

        internal LesionInfo(Lesion lesion, Texture closeUp)
        {
            _lesion = lesion;
            _closeUp = closeUp;
        }

        public string Id => _lesion.Id;
        public string Avatar => _lesion.Avatar;
        public string Material => _lesion.Material;

        /// <summary>left-forearm, back, …</summary>
        public string BodyPart => _lesion.BodyPart;

        /// <summary>The longest diameter on the skin.</summary>
        public float DiameterMm => (float)_lesion.DiameterMm;

        /// <summary>nevus, melanoma, …; empty in an exam.</summary>
        public string Class => _lesion.Class;

        /// <summary>The lesion at full resolution, up on the body at the top; null if there is none.</summary>
        public Texture CloseUp => _closeUp;

        /// <summary>How wide and high the close-up is on the skin.</summary>
        public float CloseUpMm => (float)_lesion.CloseUpMm;

        /// <summary>Where it lies in the atlas, as Unity counts: origin at the bottom left.</summary>
        public Vector2 UV => new Vector2((float)_lesion.U, 1 - (float)_lesion.V);
    }

    [Serializable]
    public sealed class LesionEvent : UnityEvent<LesionInfo>
    {
    }

    [Serializable]
    public sealed class TextEvent : UnityEvent<string>
    {
    }
}
