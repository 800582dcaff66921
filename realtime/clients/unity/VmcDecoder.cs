// SPDX-License-Identifier: Apache-2.0
// Part of Sealcap. Plain C#: knows nothing of Unity.

namespace Sealcap
{
    /// <summary>
    /// Puts together the frames of a VMC Performer: Sealcap (`sealcap run --vmc`) or another program.
    /// A frame ends with the packet that has /VMC/Ext/T; bones that did not come keep their last rotation.
    /// </summary>
    public sealed class VmcDecoder
    {
        private const int PacketsWithoutTime = 30;
        private const float SmallestLeg = 0.01f;
        private static readonly byte[] OkAddress = OscMessage.Text("/VMC/Ext/OK");
        private static readonly byte[] TimeAddress = OscMessage.Text("/VMC/Ext/T");
        private static readonly byte[] RootAddress = OscMessage.Text("/VMC/Ext/Root/Pos");
        private static readonly byte[] BoneAddress = OscMessage.Text("/VMC/Ext/Bone/Pos");
        private static readonly byte[] OneInt = OscMessage.Text(",i");
        private static readonly byte[] FourInts = OscMessage.Text(",iiii");
        private static readonly byte[] OneFloat = OscMessage.Text(",f");
        private static readonly byte[] PoseTags = OscMessage.Text(",sfffffff");

        private readonly PoseDecoder _owner;
        private readonly PoseFrame _frame = new PoseFrame();
        private bool _changed, _ended;
        private int _packetsWithoutTime;
        private TrackingState _state = TrackingState.Tracking;
        private Vec3 _root, _hips;
        private Quat _rootTurn = Quat.Identity, _hipsTurn = Quat.Identity;

        internal VmcDecoder(PoseDecoder owner) { _owner = owner; }

        /// <summary>False when the message is not as it should be.</summary>
        internal bool OnMessage(OscMessage message)
        {
            if (message.AddressIs(BoneAddress))
                return OnBone(message);
            if (message.AddressIs(TimeAddress))
                return OnTime(message);
            if (message.AddressIs(OkAddress))
                return OnStatus(message);
            return !message.AddressIs(RootAddress) || OnRoot(message);
        }

        internal void EndPacket()
        {
            // Some senders never tell the time: then every packet is a frame.
            bool end = _ended || (_changed && _packetsWithoutTime >= PacketsWithoutTime);
            if (_changed && !_ended && _packetsWithoutTime < PacketsWithoutTime)
                _packetsWithoutTime++;
            _ended = false;
            if (end)
                Publish();
        }

        private bool OnTime(OscMessage message)
        {
            float seconds = message.TagsBegin(OneFloat) ? message.ReadFloat() : float.NaN;
            if (message.Failed || !Numbers.Sane(seconds))
                return false;
            _frame.Seconds = seconds;
            _packetsWithoutTime = 0;
            _ended = true;
            return true;
        }

        private bool OnStatus(OscMessage message)
        {
            if (!message.TagsBegin(OneInt))
                return false;
            bool tracking = message.ReadInt() == 1;
            if (message.TagsBegin(FourInts))
            {
                message.ReadInt();
                message.ReadInt();
                tracking &= message.ReadInt() == 1;
            }
            if (message.Failed)
                return false;
            TrackingState state = tracking ? TrackingState.Tracking : TrackingState.Lost;
            _changed |= state != _state;
            _state = state;
            return true;
        }

        private bool OnRoot(OscMessage message)
        {
            Vec3 place;
            Quat turn;
            int bone;
            if (!ReadPose(message, out bone, out place, out turn))
                return false;
            _root = place;
            _rootTurn = turn;
            _changed = true;
            return true;
        }

        private bool OnBone(OscMessage message)
        {
            Vec3 place;
            Quat turn;
            int bone;
            if (!ReadPose(message, out bone, out place, out turn))
                return false;
            if (bone < 0)
                return true;
            if (bone == (int)Bone.Hips)
            {
                _hips = place;
                _hipsTurn = turn;
            }
            _frame.Local[bone] = turn;
            _frame.Offset[bone] = place;
            _frame.BoneMask |= 1UL << bone;
            _changed = true;
            return true;
        }

        private static bool ReadPose(OscMessage message, out int bone, out Vec3 place, out Quat turn)
        {
            bone = -1;
            place = new Vec3();
            turn = Quat.Identity;
            if (!message.TagsBegin(PoseTags))
                return false;
            bone = message.ReadName(Skeleton.BoneTexts);
            bool sane = Numbers.ReadPoint(message, out place);
            return Numbers.ReadRotation(message, out turn) && sane;
        }

        private void Publish()
        {
            _changed = false;
            _frame.State = _frame.BoneMask == 0 ? TrackingState.Lost : _state;
            _frame.Confidence = _frame.State == TrackingState.Tracking ? 1f : 0f;
            _frame.Local[(int)Bone.Hips] = _rootTurn * _hipsTurn;
            Vec3[] offset = _frame.Offset;
            Vec3 legs = (offset[(int)Bone.LeftUpperLeg] + offset[(int)Bone.RightUpperLeg]) * 0.5f;
            _frame.Pelvis = _root + _rootTurn.Rotate(_hips + _hipsTurn.Rotate(legs));
            float leg = 0.5f * (offset[(int)Bone.LeftLowerLeg].Length + offset[(int)Bone.RightLowerLeg].Length
                + offset[(int)Bone.LeftFoot].Length + offset[(int)Bone.RightFoot].Length);
            _frame.LegLength = leg > SmallestLeg ? leg : 0f;
            if (_frame.BoneMask != 0)
                _owner.Counters.Frames++;
            _owner.Publish(_frame);
        }
    }
}
