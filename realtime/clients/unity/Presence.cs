// SPDX-License-Identifier: Apache-2.0
// Part of Sealcap. Plain C#: knows nothing of Unity.

using System;

namespace Sealcap
{
    /// <summary>
    /// How much of the received pose is shown: all while somebody is there; when they are lost the last pose is
    /// held for a while, then fades. Its state is what the sender says, or Lost when nothing arrives any more.
    /// </summary>
    public sealed class Presence
    {
        public float HoldSeconds = 1f, FadeOutSeconds = 1f, FadeInSeconds = 0.3f, TimeoutSeconds = 0.5f;
        private float _lostSeconds;
        private float _share;

        public TrackingState State { get; private set; }

        /// <summary>0: the avatar's own animation, 1: the received pose.</summary>
        public float Weight { get { return _share * _share * (3f - 2f * _share); } }

        /// <param name="sent">State of the newest frame.</param>
        /// <param name="ageSeconds">Time since it arrived.</param>
        /// <param name="stepSeconds">Time since the last call.</param>
        public void Update(TrackingState sent, double ageSeconds, float stepSeconds)
        {
            State = ageSeconds > TimeoutSeconds ? TrackingState.Lost : sent;
            if (State != TrackingState.Lost)
            {
                _lostSeconds = 0f;
                _share = Math.Min(1f, _share + stepSeconds / Math.Max(FadeInSeconds, 1e-4f));
                return;
            }
            _lostSeconds += stepSeconds;
            if (_lostSeconds > HoldSeconds)
                _share = Math.Max(0f, _share - stepSeconds / Math.Max(FadeOutSeconds, 1e-4f));
        }
    }
}
