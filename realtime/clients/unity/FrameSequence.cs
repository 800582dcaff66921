// SPDX-License-Identifier: Apache-2.0
// Part of Sealcap. Plain C#: knows nothing of Unity.

namespace Sealcap
{
    /// <summary>Follows the numbers of frames: what was lost, what comes late, when the sender began anew.</summary>
    public sealed class FrameSequence
    {
        private const int NumberMask = 0x7FFFFFFF; // numbers wrap at 2^31
        private const int LateFrames = 10;
        private const int LatePacketsInARow = 30;
        private const int LargestGap = 36000; // ten minutes at 60 a second: rather another sender
        private readonly StreamCounters _counters;
        private bool _begun;
        private int _last, _lateInARow;
        private double _lastSeconds;

        public FrameSequence(StreamCounters counters) { _counters = counters; }

        /// <summary>
        /// Call for every part of a frame. False when it is older than what has arrived: then leave it out.
        /// A number that goes back together with the time is late, unless it goes on like that or far back:
        /// then, and with a time that goes on, another recording or sender has begun.
        /// </summary>
        public bool Accept(int number, double seconds)
        {
            int ahead = unchecked(number - _last) & NumberMask;
            bool back = ahead > NumberMask / 2;
            if (_begun && back && NumberMask - ahead < LateFrames && seconds <= _lastSeconds
                && ++_lateInARow <= LatePacketsInARow)
            {
                _counters.LatePackets++;
                return false;
            }
            if (_begun && (back || ahead > LargestGap))
                _counters.Restarts++;
            else if (_begun && ahead > 1)
                _counters.LostFrames += ahead - 1;
            _begun = true;
            _lateInARow = 0;
            _last = number;
            _lastSeconds = seconds;
            return true;
        }
    }
}
